/** The authentication libraries that `init` knows, and how each tells a route handler who is signed in. */
import { majorOf, versionOf, wanted } from '../app/manifest.js';
import type { Found, SourceFinder } from './source-finder.js';

export interface AuthLibrary {
  name: string;
  isUsed(folder: string): boolean;
  /** The export that the library needs from the app; missing if the package is enough. */
  instance?: {
    find(finder: SourceFinder): Found | undefined;
    /** Its usual form, to show what was searched for. */
    usual: { name: string; specifier: string; declaration: string };
  };
  code(instance: { name: string; specifier: string }, language: 'ts' | 'js'): { imports: string[]; lines: string[] };
  /** The other requirements. */
  advice: string;
}

const COOKIES = "import { cookies } from 'next/headers';";

function uses(name: string, isRight: (major: number, range: string) => boolean = () => true) {
  return (folder: string): boolean => {
    const range = wanted(folder, name);
    return range !== undefined && isRight(majorOf(versionOf(folder, name)), range);
  };
}

function bare(...body: string[]): string[] {
  return ['identify: async () => {', ...body.map((line) => `  ${line}`), '},'];
}

function withRequest(...body: string[]): string[] {
  return ['identify: async (request) => {', ...body.map((line) => `  ${line}`), '},'];
}

/** A sentence and the address after it, each on its own line. */
function commented(text: string): string[] {
  const at = text.lastIndexOf(' ');
  return [`// ${text.slice(0, at)}`, `// ${text.slice(at + 1)}`];
}

/** Its version 5 was a beta for years, and is installed under that name. */
const isAuthJs = (major: number, range: string): boolean => major >= 5 || /beta|experimental/.test(range);

/** Otherwise signed-in users would be refused for no visible reason. */
const NO_ID_JWT =
  'With JWT sessions, user.id is missing until your session callback sets it: https://authjs.dev/guides/extending-the-session';
const NO_ID =
  'user.id is missing until your session callback sets it: https://next-auth.js.org/configuration/callbacks#session-callback';

export const AUTH_LIBRARIES: AuthLibrary[] = [
  {
    name: 'Auth.js',
    isUsed: uses('next-auth', isAuthJs),
    instance: {
      find: (finder) =>
        finder.find(
          /export\s+const\s*\{[^}]*\b(auth)\b[^:}]*\}\s*=\s*NextAuth\b|export\s+const\s+(auth)\b/,
          /\bNextAuth\s*\(/,
        ),
      usual: { name: 'auth', specifier: '@/auth', declaration: 'export const { auth } = NextAuth(…)' },
    },
    code: ({ name, specifier }) => ({
      imports: [`import { ${name} } from '${specifier}';`],
      lines: bare(`const session = await ${name}();`, ...commented(NO_ID_JWT), 'return session?.user?.id ?? null;'),
    }),
    advice: NO_ID_JWT,
  },
  {
    name: 'NextAuth.js 4',
    isUsed: uses('next-auth', (major, range) => !isAuthJs(major, range)),
    instance: {
      find: (finder) =>
        finder.find(/export\s+const\s+(\w+)\s*:\s*(?:NextAuthOptions|AuthOptions)\b|export\s+const\s+(authOptions)\b/),
      usual: {
        name: 'authOptions',
        specifier: '@/lib/auth',
        declaration: 'export const authOptions: NextAuthOptions = …',
      },
    },
    code: ({ name, specifier }, language) => ({
      imports: ["import { getServerSession } from 'next-auth';", `import { ${name} } from '${specifier}';`],
      lines: bare(
        `const session = await getServerSession(${name});`,
        ...commented(NO_ID),
        language === 'ts'
          ? 'return (session?.user as { id?: string } | undefined)?.id ?? null;'
          : 'return session?.user?.id ?? null;',
      ),
    }),
    advice: NO_ID,
  },
  {
    name: 'Clerk',
    isUsed: uses('@clerk/nextjs', (major) => !(major < 5)),
    code: () => ({
      imports: ["import { auth } from '@clerk/nextjs/server';"],
      lines: bare('const { userId } = await auth();', 'return userId;'),
    }),
    advice: 'clerkMiddleware must run for /api/sse: check the “matcher” of your middleware or proxy file.',
  },
  {
    name: 'Better Auth',
    isUsed: uses('better-auth'),
    instance: {
      find: (finder) => finder.find(/export\s+const\s+(\w+)\s*=\s*betterAuth\s*\(/),
      usual: { name: 'auth', specifier: '@/lib/auth', declaration: 'export const auth = betterAuth(…)' },
    },
    code: ({ name, specifier }) => ({
      imports: [`import { ${name} } from '${specifier}';`],
      lines: withRequest(
        `const session = await ${name}.api.getSession({ headers: request.headers });`,
        'return session?.user.id ?? null;',
      ),
    }),
    advice: '',
  },
  {
    name: 'iron-session',
    isUsed: uses('iron-session', (major) => !(major < 8)),
    instance: {
      find: (finder) => finder.find(/export\s+const\s+(\w+)\s*(?::\s*\w+)?\s*=\s*\{[\s\S]{0,400}?\bcookieName\b/),
      usual: {
        name: 'sessionOptions',
        specifier: '@/lib/session',
        declaration: 'export const sessionOptions = { password, cookieName }',
      },
    },
    code: ({ name, specifier }, language) => ({
      imports: ["import { getIronSession } from 'iron-session';", COOKIES, `import { ${name} } from '${specifier}';`],
      lines: bare(
        '// FILL IN: replace userId with the field in which your log-in stores the user’s id.',
        `const session = await getIronSession${language === 'ts' ? '<{ userId?: string }>' : ''}(await cookies(), ${name});`,
        'return session.userId ?? null;',
      ),
    }),
    advice: 'Replace userId with the field in which your log-in stores the user’s id.',
  },
  {
    name: 'Lucia',
    isUsed: uses('lucia', (major) => !(major < 3)),
    instance: {
      find: (finder) => finder.find(/export\s+const\s+(\w+)\s*=\s*new\s+Lucia\s*\(/),
      usual: { name: 'lucia', specifier: '@/lib/auth', declaration: 'export const lucia = new Lucia(…)' },
    },
    code: ({ name, specifier }) => ({
      imports: [`import { ${name} } from '${specifier}';`],
      lines: withRequest(
        `const sessionId = ${name}.readSessionCookie(request.headers.get('cookie') ?? '');`,
        'if (!sessionId) return null;',
        `const { user } = await ${name}.validateSession(sessionId);`,
        'return user?.id ?? null;',
      ),
    }),
    advice: '',
  },
  {
    name: 'Supabase',
    isUsed: uses('@supabase/ssr'),
    instance: {
      find: (finder) =>
        finder.find(
          /export\s+(?:async\s+)?(?:function\s+(\w+)\s*\(\s*\)|const\s+(\w+)\s*=\s*(?:async\s*)?\(\s*\))/,
          /createServerClient/,
          /next\/headers/,
        ),
      usual: {
        name: 'createClient',
        specifier: '@/lib/supabase/server',
        declaration: 'export async function createClient() { … createServerClient(…) }',
      },
    },
    code: ({ name, specifier }) => ({
      imports: [`import { ${name} } from '${specifier}';`],
      lines: bare(
        `const supabase = await ${name}();`,
        '// getUser asks Supabase. getSession would trust the cookie.',
        'const { data } = await supabase.auth.getUser();',
        'return data.user?.id ?? null;',
      ),
    }),
    advice: '',
  },
  {
    name: 'Auth0',
    isUsed: uses('@auth0/nextjs-auth0', (major) => !(major < 4)),
    instance: {
      find: (finder) => finder.find(/export\s+const\s+(\w+)\s*=\s*new\s+Auth0Client\s*\(/),
      usual: { name: 'auth0', specifier: '@/lib/auth0', declaration: 'export const auth0 = new Auth0Client(…)' },
    },
    code: ({ name, specifier }) => ({
      imports: [`import { ${name} } from '${specifier}';`],
      lines: bare(`const session = await ${name}.getSession();`, 'return session?.user.sub ?? null;'),
    }),
    advice: '',
  },
  {
    name: 'Auth0 3',
    isUsed: uses('@auth0/nextjs-auth0', (major) => major < 4),
    code: () => ({
      imports: ["import { getSession } from '@auth0/nextjs-auth0';"],
      lines: bare('const session = await getSession();', 'return session?.user.sub ?? null;'),
    }),
    advice: '',
  },
];
