/** The commands by name, and the code that they share. */
import { build } from './build/index.js';
import { doctor } from './doctor/index.js';
import { HELP, version } from './help.js';
import { say, tell } from './output.js';
import { send } from './send/index.js';
import { tail } from './tail/index.js';
import { CannotRun, EXIT, UsageError } from './usage.js';

const COMMANDS = {
  // Only `init` needs a parser of TypeScript. Loaded on demand, it does not slow down the other commands.
  init: async (args: string[]) => (await import('./init/index.js')).init(args),
  build,
  doctor,
  tail,
  send,
};

type Name = keyof typeof COMMANDS;

/** Runs the command and resolves with the exit code. */
export async function main(args: string[]): Promise<number> {
  const [name = '', ...rest] = args;
  if (isCommand(name)) return asksForHelp(rest) ? print(HELP[name]) : run(name, rest);
  if (name === '--version' || name === '-v') return print(version());
  if (name === 'help') return print(HELP[isCommand(rest[0]) ? rest[0] : 'ssekit']);
  if (name === '--help' || name === '-h') return print(HELP.ssekit);
  tell(name === '' ? HELP.ssekit : `ssekit: unknown command ${JSON.stringify(name)}\n\n${HELP.ssekit}`);
  return EXIT.cannotRun;
}

async function run(name: Name, args: string[]): Promise<number> {
  try {
    return await COMMANDS[name](args);
  } catch (error) {
    if (error instanceof UsageError) {
      tell(`ssekit ${name}: ${error.message}\n\n${HELP[name]}`);
    } else if (error instanceof CannotRun || isSystemError(error)) {
      tell(`ssekit ${name}: ${error.message}`);
    } else {
      throw error;
    }
    return EXIT.cannotRun;
  }
}

/** For instance, a file that may not be read or written. The message says which. */
function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && typeof (error as NodeJS.ErrnoException).syscall === 'string';
}

function isCommand(name: string | undefined): name is Name {
  return name !== undefined && Object.hasOwn(COMMANDS, name);
}

/** Arguments after `--` are not options. */
function asksForHelp(args: string[]): boolean {
  const options = args.includes('--') ? args.slice(0, args.indexOf('--')) : args;
  return options.includes('--help') || options.includes('-h');
}

function print(text: string): number {
  say(text);
  return EXIT.ok;
}
