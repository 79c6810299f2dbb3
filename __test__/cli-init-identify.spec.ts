/** `ssekit init` and `identify`: it uses the app's own authentication, or marks the place to fill in. */
import ts from 'typescript';
import { readNextApp } from '../ts/cli/app/next-app';
import { planFor } from '../ts/cli/init/plan';
import { AppFolder, type AppShape, removeFolders } from './support/cli-app';

afterAll(removeFolders);

/** The route that would be written, and what would be said of it. */
function route(app: AppFolder): { text: string; advice: string | undefined } {
  const read = readNextApp(app.path);
  if (typeof read === 'string') throw new Error(read);
  const { steps, identify } = planFor(read);
  const text = steps.find(({ path }) => path.includes('api/sse/route'))?.after ?? '';
  const { diagnostics } = ts.transpileModule(text, { reportDiagnostics: true });
  expect(diagnostics?.map(({ messageText }) => messageText)).toEqual([]);
  return { text, advice: identify?.advice };
}

const MARK = '// FILL IN: identify the user.';

test('without a known library, the place is marked and open only in development', () => {
  const { text, advice } = route(new AppFolder());
  expect(text).toContain(`  identify: async () => {\n    ${MARK}`);
  expect(text).toContain("    return process.env.NODE_ENV === 'development' ? 'demo' : null;\n");
  expect(advice).toContain('Fill in “identify”');
});

interface Library {
  dependencies: Record<string, string>;
  /** The module of the app that has what the library needs, and how the route then imports it. */
  file?: [path: string, text: string];
  imports: string[];
  asks: string;
}

const LIBRARIES: Record<string, Library> = {
  'Auth.js': {
    dependencies: { 'next-auth': '5.0.0-beta.30' },
    file: [
      'auth.ts',
      "import NextAuth from 'next-auth';\nexport const { handlers, auth } = NextAuth({ providers: [] });",
    ],
    imports: ["import { auth } from '@/auth';"],
    asks: 'const session = await auth();',
  },
  'Auth.js by its tag': {
    dependencies: { 'next-auth': 'beta' },
    file: ['lib/auth/index.ts', 'export const { auth } = NextAuth({ providers: [] });'],
    imports: ["import { auth } from '@/lib/auth';"],
    asks: 'const session = await auth();',
  },
  'NextAuth.js 4': {
    dependencies: { 'next-auth': '^4.24.0' },
    file: ['lib/auth.ts', 'export const options: NextAuthOptions = { providers: [] };'],
    imports: ["import { getServerSession } from 'next-auth';", "import { options } from '@/lib/auth';"],
    asks: 'const session = await getServerSession(options);',
  },
  Clerk: {
    dependencies: { '@clerk/nextjs': '^6.0.0' },
    imports: ["import { auth } from '@clerk/nextjs/server';"],
    asks: 'const { userId } = await auth();',
  },
  'Better Auth': {
    dependencies: { 'better-auth': '^1.3.0' },
    file: ['lib/auth.ts', 'export const auth = betterAuth({});'],
    imports: ["import { auth } from '@/lib/auth';"],
    asks: 'await auth.api.getSession({ headers: request.headers });',
  },
  'iron-session': {
    dependencies: { 'iron-session': '^8.0.0' },
    file: ['lib/session.ts', "export const options: SessionOptions = { password: 'p', cookieName: 'c' };"],
    imports: ["import { getIronSession } from 'iron-session';", "import { options } from '@/lib/session';"],
    asks: 'await getIronSession<{ userId?: string }>(await cookies(), options);',
  },
  Lucia: {
    dependencies: { lucia: '^3.2.0' },
    file: ['lib/auth.ts', 'export const lucia = new Lucia(adapter);'],
    imports: ["import { lucia } from '@/lib/auth';"],
    asks: 'await lucia.validateSession(sessionId);',
  },
  Supabase: {
    dependencies: { '@supabase/ssr': '^0.7.0' },
    file: [
      'utils/supabase/server.ts',
      "import { createServerClient } from '@supabase/ssr';\nimport { cookies } from 'next/headers';\n" +
        'export async function createClient() { return createServerClient(await cookies()); }',
    ],
    imports: ["import { createClient } from '@/utils/supabase/server';"],
    asks: 'await supabase.auth.getUser();',
  },
  Auth0: {
    dependencies: { '@auth0/nextjs-auth0': '^4.0.0' },
    file: ['lib/auth0.ts', 'export const auth0 = new Auth0Client();'],
    imports: ["import { auth0 } from '@/lib/auth0';"],
    asks: 'const session = await auth0.getSession();',
  },
  'Auth0 3': {
    dependencies: { '@auth0/nextjs-auth0': '^3.5.0' },
    imports: ["import { getSession } from '@auth0/nextjs-auth0';"],
    asks: 'const session = await getSession();',
  },
};

const SHAPES: AppShape[] = [{}, { base: 'src/' }];

describe.each(Object.entries(LIBRARIES))('%s', (_, { dependencies, file, imports, asks }) => {
  test.each(SHAPES)('identifies the user in an app like %j', (shape) => {
    const app = new AppFolder({ ...shape, dependencies });
    if (file) app.write({ [`${shape.base ?? ''}${file[0]}`]: file[1] });
    const { text, advice } = route(app);
    for (const line of imports) expect(text).toContain(`${line}\n`);
    expect(text).toContain(asks);
    expect(text).not.toContain(MARK);
    expect(advice).toMatch(/^“identify” asks /);
  });

  if (file) {
    test('without an instance, the marked place shows its code', () => {
      const { text } = route(new AppFolder({ dependencies }));
      expect(text).toContain(MARK);
      expect(text).toMatch(
        / {4}\/\/ This app has .*, but “.*” was not found\. With it, the code is:\n {4}\/\/ {3}import /,
      );
    });
  }
});

test('init does not choose between two libraries', () => {
  const { text } = route(new AppFolder({ dependencies: { lucia: '3', '@clerk/nextjs': '6' } }));
  expect(text).toContain(MARK);
  expect(text).toContain('// This app has Clerk and Lucia: choose one.');
});

test('an instance in a package or in build output does not count', () => {
  const instance = 'export const auth = betterAuth({});';
  const app = new AppFolder({ dependencies: { 'better-auth': '1' } }).write({
    'node_modules/other/auth.js': instance,
    '.next/server/auth.js': instance,
    'types/auth.d.ts': instance,
  });
  expect(route(app).text).toContain(MARK);
});

test('a JavaScript route has no types', () => {
  const app = new AppFolder({ language: 'js', dependencies: { 'iron-session': '^8.0.0' } }).write({
    'lib/session.js': "export const sessionOptions = { cookieName: 'c' };",
  });
  expect(route(app).text).toContain('await getIronSession(await cookies(), sessionOptions);');
});
