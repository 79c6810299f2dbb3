/** One thing that `init` does or leaves to the user. */
export interface Step {
  /** Relative to the app's folder, with slashes. */
  path: string;
  kind: 'create' | 'change' | 'keep' | 'refuse';
  before?: string;
  after?: string;
  /** The work that was done, or the reason why nothing was done. */
  say?: string;
  /** The text to paste if the user must do it by hand. */
  snippet?: string;
}
