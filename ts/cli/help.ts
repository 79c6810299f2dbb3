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
  init [dir]      add ssekit to a Next.js app
  build           build the native part where none fits
  doctor [url]    find out what is wrong with a stream, and how to fix it
  tail <url>      print the events of a stream as they arrive
  send <url>      publish an event through a listener of ssekit

Options:
  -h, --help      print this text; after a command, the help of that command
  -v, --version   print the version of ssekit`;

const INIT = `Adds ssekit to a Next.js app: the service, the route of the stream, the settings for Next.js, and a component that
shows what arrives. It overwrites no file, and a second run changes nothing.

Usage: ssekit init [dir] [--dry-run]

  dir             the folder of the app, which contains its package.json. Default: the current folder
  --dry-run       change nothing; print the changes as a diff

Exit code: 0 done, 1 something is left to do by hand (init says what), 2 no app to work on`;

const BUILD = `Builds the native part of ssekit from source if none loads. It needs Rust 1.89 or newer (https://rustup.rs) and a
C linker, and takes a few minutes.

Usage: ssekit build

Exit code: 0 a binary loads, 1 none loads (build says why), 2 wrong usage`;

const DOCTOR = `Opens a stream as a browser would, and says what is wrong with it and how to fix it. In the folder of an app, it
also examines the installation. Without a URL, it examines only that.

Usage: ssekit doctor [url] [--header 'Name: value'] [--wait seconds] [--timeout seconds] [--json]

  --header        a header to send, any number of times: --header 'Cookie: session=VALUE'
  --wait          seconds to keep the stream open, to see whether something ends it or holds back events. Default: 0
  --timeout       seconds to wait for an answer, and then for the first event. Default: 10
  --json          print one JSON object

Exit code: 0 no problem, 1 a problem, 2 nothing to examine`;

const TAIL = `Prints the events of a stream as they arrive, and reconnects like a browser.

Usage: ssekit tail <url> [--channel name] [--header 'Name: value'] [--last-event-id id] [--all] [--json]

  --channel         ask for the events of a channel, any number of times; the server decides whether you get them
  --header          a header to send, any number of times: --header 'Cookie: session=VALUE'
  --last-event-id   begin after this event, like a page that reconnects
  --all             print also ssekit:position and ssekit:heartbeat, which an idle page gets
  --json            print one JSON object per event: time, event, id, data (as text)

Events go to the standard output, and everything else to the standard error. Ctrl-C ends it.
Exit code: 0 you ended it, 1 the server ended or refused the stream, 2 no server`;

const SEND = `Publishes an event through a listener that SSEService.listen() has started with \`publish\`.

Usage: ssekit send <url> (--user id | --client id | --channel name | --broadcast [--exclude client])
                   [--event name] [data]

  data                JSON, or - to read it from the standard input. Default: null
  --text              send the data as a string
  --event             the name that the page listens for. Default: message
  --id                the id of the event. Default: an id of ssekit
  --retry             from now on, the milliseconds until the page reconnects
  --coalesce-key      a lagging client gets only the newest event with this key
  --idempotency-key   a second request with the same key publishes nothing
  --header            a header to send, any number of times
  --json              print the answer of the listener

send takes the token from SSEKIT_PUBLISH_TOKEN. If the URL has no path, send posts to /publish.
Exit code: 0 published, 1 refused (send says why), 2 no server or wrong usage`;

export const HELP = { ssekit: SSEKIT, init: INIT, build: BUILD, doctor: DOCTOR, tail: TAIL, send: SEND };
