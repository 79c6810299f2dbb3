/**
 * A storm of reconnects at the listener's engine beside a bare loop, which accepts and answers with as many bytes, in the same
 * run: see crates/ssekit-http/benches/storm.rs.
 */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** `ratio` is the median of those within each round. */
export async function stormRatio(_, { clients, rounds }) {
  const args = ['bench', '--quiet', '--locked', '-p', 'ssekit-http', '--bench', 'storm', '--'];
  const how = ['--json', '--clients', `${clients}`, '--rounds', `${rounds}`];
  const { stdout } = await promisify(execFile)('cargo', [...args, ...how], { cwd: root });
  const measured = JSON.parse(stdout);
  if (measured.clients !== clients) throw new Error(`of ${clients} clients only ${measured.clients} are allowed here`);
  return measured;
}
