/** The build writes this module: the bundle of `ts/client/worker`, which pages load from the route of their stream. */

export const WORKER_SCRIPT: string;
/** A hash of the script, so that a page never gets another one under its name. */
export const WORKER_VERSION: string;
