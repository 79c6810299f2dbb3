/** Programs that npm cannot install: found, else installed (Debian and Ubuntu, as root), else asked for. */
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { Failure, run } from './run.mjs';

/** Root may make namespaces; anybody else may where they come with one of users. */
const AS_USER = process.getuid?.() === 0 ? [] : ['--user', '--map-root-user'];
const UNSHARE = ['--net', ...AS_USER];
const UNSHARE_PROCESSES = ['--pid', '--fork', '--kill-child', '--mount-proc', ...AS_USER];

/** Advice for a system that allows no namespaces. */
const allowNamespaces = (options) =>
  `the tests need \`unshare ${options.join(' ')}\`. Run them as root, or allow it to everybody: on Ubuntu by ` +
  '`sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0`, on Debian by ' +
  '`sudo sysctl -w kernel.unprivileged_userns_clone=1`';

/**
 * The tools by name. `find` returns the path of a program that works, or nothing; `apt` are the packages that bring it;
 * `elsewhere` says how to get it on systems without apt.
 */
const TOOLS = {
  cargo: {
    find: () => onPath('cargo'),
    elsewhere: 'install Rust as https://rustup.rs says, then open a new terminal',
  },
  // Rust links with it; on Windows Rust's own installer sees to a linker.
  cc: {
    find: () => onPath('cc') || (process.platform === 'win32' && 'link.exe'),
    apt: ['gcc', 'libc6-dev'],
    elsewhere: 'install a C compiler (on macOS: xcode-select --install)',
  },
  chromium: {
    find: () =>
      process.env.CHROMIUM_PATH ||
      onPath('chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable') ||
      executable('/Applications/Chromium.app/Contents/MacOS/Chromium') ||
      executable('/Applications/Google Chrome.app/Contents/MacOS/Google Chrome') ||
      executable('C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe'),
    apt: ['chromium'],
    elsewhere: 'install Chromium or Google Chrome, or set CHROMIUM_PATH to the program',
  },
  firefox: {
    find: () =>
      process.env.FIREFOX_PATH ||
      onPath('firefox-esr', 'firefox') ||
      executable('/Applications/Firefox.app/Contents/MacOS/firefox') ||
      executable('C:\\Program Files\\Mozilla Firefox\\firefox.exe'),
    // Debian's name. Ubuntu's package of the other name is a snap, which no test can drive.
    apt: ['firefox-esr'],
    elsewhere: 'install Firefox, or set FIREFOX_PATH to the program',
  },
  // The driver of WebKitGTK, which comes with it. Only Linux has WebKitGTK.
  webkit: {
    find: () => process.platform !== 'linux' || process.env.WEBKIT_PATH || onPath('WebKitWebDriver'),
    apt: ['webkit2gtk-driver'],
    elsewhere: 'install WebKitGTK with its WebKitWebDriver, or set WEBKIT_PATH to that program',
  },
  // WebKitGTK has no headless mode.
  xvfb: {
    find: () => process.platform !== 'linux' || process.env.XVFB_PATH || onPath('Xvfb'),
    apt: ['xvfb'],
    elsewhere: 'install Xvfb, or set XVFB_PATH to the program',
  },
  nginx: {
    // Debian puts it where only root looks.
    find: () => onPath('nginx') || executable('/usr/sbin/nginx') || executable('/usr/local/sbin/nginx'),
    apt: ['nginx-light'],
    elsewhere: 'install nginx (on macOS: brew install nginx)',
  },
  caddy: {
    find: () => onPath('caddy'),
    apt: ['caddy'],
    elsewhere: 'install Caddy 2 (on macOS: brew install caddy)',
  },
  haproxy: {
    // Debian puts it where only root looks.
    find: () => onPath('haproxy') || executable('/usr/sbin/haproxy') || executable('/usr/local/sbin/haproxy'),
    apt: ['haproxy'],
    elsewhere: 'install HAProxy (on macOS: brew install haproxy)',
  },
  // Valkey is the same to us, and Debian has it under its own name from 13 on.
  redis: {
    find: () => onPath('redis-server', 'valkey-server'),
    apt: ['redis-server'],
    elsewhere: 'install Redis 6.2 or newer, or Valkey (on macOS: brew install redis)',
  },
  curl: {
    find: () => onPath('curl'),
    apt: ['curl'],
    elsewhere: 'install curl with your package manager',
  },
  // A test cuts the network between a server and its client, and Linux alone lets it make one of its own.
  ip: {
    find: () => process.platform !== 'linux' || onPath('ip') || executable('/usr/sbin/ip'),
    apt: ['iproute2'],
    elsewhere: 'install iproute2',
  },
  'network namespaces': {
    find: () => process.platform !== 'linux' || succeeds('unshare', [...UNSHARE, 'true']),
    elsewhere: allowNamespaces(UNSHARE),
  },
  // The first process of a container is one that signals do nothing to by default, and a test starts one.
  'process namespaces': {
    find: () => process.platform !== 'linux' || succeeds('unshare', [...UNSHARE_PROCESSES, 'true']),
    elsewhere: allowNamespaces(UNSHARE_PROCESSES),
  },
  python: {
    // Debian ships Python without what `python3 -m venv` needs, macOS a Python too old for the packages.
    find: () =>
      [onPath('python3'), onPath('python')].find((python) => python && succeeds(python, ['-c', PYTHON_WORKS])),
    apt: ['python3', 'python3-venv'],
    elsewhere: 'install Python 3.10 or newer from https://www.python.org/downloads/',
  },
  // Lets system calls fail. It finds the calls of a process that it may trace.
  strace: {
    find: () =>
      process.platform !== 'linux' || (succeeds('strace', ['-qq', '-o', '/dev/null', 'true']) && onPath('strace')),
    apt: ['strace'],
    elsewhere: 'install strace with your package manager; a container needs the capability SYS_PTRACE',
  },
  valgrind: {
    find: () => onPath('valgrind'),
    // It needs the symbols of the loader to work at all.
    apt: ['valgrind', 'libc6-dbg'],
    elsewhere: 'install valgrind from https://valgrind.org/downloads/',
  },
};

const PYTHON_WORKS = 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))';

/** Makes sure that the named tools are there, and returns their paths by name. */
export async function ensureTools(...names) {
  const missing = names.filter((name) => !TOOLS[name].find());
  const packages = missing.flatMap((name) => TOOLS[name].apt ?? []);
  if (packages.length > 0 && onPath('apt-get') && process.getuid?.() === 0) await aptInstall(packages);

  const found = Object.fromEntries(names.map((name) => [name, TOOLS[name].find()]));
  const lacking = names.filter((name) => !found[name]);
  if (lacking.length > 0) throw new Failure(lacking.map(advice).join('\n'));
  return found;
}

async function aptInstall(packages) {
  console.log(`Installing ${packages.join(', ')}`);
  const options = { env: { DEBIAN_FRONTEND: 'noninteractive' } };
  // Another apt may be at work on a machine that has just been started.
  const wait = ['-o', 'DPkg::Lock::Timeout=120'];
  await run('apt-get', [...wait, 'update'], options);
  const install = ['install', '-y', '--no-install-recommends', ...packages];
  await withoutServices(() => run('apt-get', [...wait, ...install], options));
}

/** A Debian package asks this program whether it may start its service, and may where there is none. */
const POLICY = '/usr/sbin/policy-rc.d';

/** Lets packages be installed that bring a service (a proxy, Redis) without starting it: the tests start their own. */
async function withoutServices(install) {
  // Somebody else's rule is left alone.
  if (existsSync(POLICY)) return install();
  const remove = () => rmSync(POLICY, { force: true });
  writeFileSync(POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  // An interrupted command ends this process on the spot.
  process.once('exit', remove);
  try {
    await install();
  } finally {
    remove();
    process.off('exit', remove);
  }
}

function advice(name) {
  const { apt, elsewhere } = TOOLS[name];
  if (!apt || !onPath('apt-get')) return `${name} is missing: ${elsewhere}.`;
  const install = `apt-get install -y --no-install-recommends ${apt.join(' ')}`;
  return `${name} is missing. Run: sudo apt-get update && sudo ${install}`;
}

function onPath(...programs) {
  const endings = process.platform === 'win32' ? ['.exe', '.cmd'] : [''];
  const folders = (process.env.PATH ?? '').split(delimiter).filter(Boolean);
  for (const program of programs) {
    for (const folder of folders) {
      for (const ending of endings) {
        const path = executable(join(folder, program + ending));
        if (path) return path;
      }
    }
  }
}

function executable(path) {
  try {
    accessSync(path, constants.X_OK);
    return path;
  } catch {
    return undefined;
  }
}

function succeeds(program, args) {
  return spawnSync(program, args, { stdio: 'ignore' }).status === 0;
}
