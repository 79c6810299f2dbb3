/** What a server in development has written to stderr, without a line for each client that it refused. */
export function withoutRefusals(stderr: string): string {
  return stderr.replace(/^ssekit: (refused|no stream for|\d+ more lines like these) .*\n/gm, '');
}
