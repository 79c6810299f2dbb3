/** The stderr of a server in development, without the lines for each refused client. */
export function withoutRefusals(stderr: string): string {
  return stderr.replace(/^ssekit: (refused|no stream for|\d+ more lines like these) .*\n/gm, '');
}
