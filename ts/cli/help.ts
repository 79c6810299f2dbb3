/** The texts of `--help`, and the version. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { PACKAGE_ROOT } from './package-root.js';

export function version(): string {
  return JSON.parse(readFileSync(join(PACKAGE_ROOT, 'package.json'), 'utf8')).version;
}

const SSEKIT = `Server-Sent Events for Next.js and Node.js

Usage: ssekit <command> [options]

Commands:
  init [dir]      put ssekit into a Next.js app
  build           build the native part where no binary fits
  doctor [url]    say what is wrong with a stream, and how to mend it
  tail <url>      print the events of a stream as they come
  send <url>      publish an event at a listener of ssekit's

Options:
  -h, --help      this text; after a command, its own
  -v, --version   the version of ssekit`;

const INIT = `Puts ssekit into a Next.js app: the service, the stream's route, what Next.js has to be told, and a
component that shows what arrives. Files that exist are left as they are, and what has been done is not done again.

Usage: ssekit init [dir] [--dry-run]

  dir             the app's folder, where its package.json is. Default: the current one
  --dry-run       change nothing; print a diff of what would be changed

Exit code: 0 done, 1 something is left to be done by hand (it says what), 2 this is no app to work on`;

const BUILD = `Builds the native part of ssekit from source, where there is no binary that loads. It needs Rust 1.89 or newer
(https://rustup.rs) and a C linker, and takes a few minutes.

Usage: ssekit build

Exit code: 0 ssekit has a binary that loads, 1 it has none (it says why), 2 wrong usage`;

const DOCTOR = `Opens a stream as a browser would, and says what is wrong with it and how to mend it. In the folder of an app
it looks at the installation too; without a URL at nothing else.

Usage: ssekit doctor [url] [--header 'Name: value'] [--wait seconds] [--timeout seconds] [--json]

  --header        a header to send, any number of times: --header 'Cookie: session=…'
  --wait          keep the stream open for so long, to see whether something ends it or collects its events
  --timeout       how long to wait for an answer, and for the first event. Default: 10
  --json          print one JSON object

Exit code: 0 nothing wrong, 1 something is, 2 there was nothing to examine`;

const TAIL = `Prints the events of a stream as they come, and reconnects like a browser.

Usage: ssekit tail <url> [--header 'Name: value'] [--last-event-id id] [--json]

  --header          a header to send, any number of times: --header 'Cookie: session=…'
  --last-event-id   begin after this event, as a page that reconnects
  --json            print one JSON object per event: time, event, id, data (as text)

Events go to the standard output, all else to the standard error. Ctrl-C ends it.
Exit code: 0 ended by you, 1 ended or refused by the server, 2 there was no server`;

const SEND = `Publishes an event at a listener that SSEService.listen() has started with \`publish\`.

Usage: ssekit send <url> (--user id | --client id | --broadcast [--exclude client]) [--event name] [data]

  data                JSON; - reads it from the standard input. Default: null
  --text              the data is text, and sent as a string
  --event             the name that the page listens for. Default: message
  --id                the event's own id. Default: one of ssekit's
  --retry             milliseconds until the page reconnects, from now on
  --coalesce-key      who lags gets only the newest event of a key
  --idempotency-key   sent again with the same key, it is not published again
  --header            a header to send, any number of times
  --json              print the answer as it comes

The token is taken from SSEKIT_PUBLISH_TOKEN. A URL without a path means its /publish.
Exit code: 0 published, 1 refused (it says why), 2 there was no server, or wrong usage`;

export const HELP = { ssekit: SSEKIT, init: INIT, build: BUILD, doctor: DOCTOR, tail: TAIL, send: SEND };
