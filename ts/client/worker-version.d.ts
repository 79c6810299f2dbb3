/** The build writes this module: the hash of the worker's script, by which the page asks the server for it. */
export const WORKER_VERSION: string;
