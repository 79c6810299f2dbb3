/** One thing that `init` does, or leaves to be done. */
export interface Step {
  /** Relative to the app's folder, with slashes. */
  path: string;
  kind: 'create' | 'change' | 'keep' | 'refuse';
  before?: string;
  after?: string;
  /** What was done, or why nothing was. */
  say?: string;
  /** What is to be pasted, where it has to be done by hand. */
  snippet?: string;
}
