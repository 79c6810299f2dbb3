/** The stream's route identifies the user by the app's own authentication, or has a marked place to fill in. */
import type { NextApp } from '../app/next-app.js';
import { AUTH_LIBRARIES, type AuthLibrary } from './auth-libraries.js';
import type { SourceFinder } from './source-finder.js';

export interface Identify {
  imports: string[];
  lines: string[];
  /** Advice for the user of `init`. */
  advice: string;
  /** In production nobody gets a stream until the marked place is filled in. */
  isOpen: boolean;
}

/** `specifierOf` returns how the route imports a module of the app. */
export function identifyFor(app: NextApp, finder: SourceFinder, specifierOf: (module: string) => string): Identify {
  const found = AUTH_LIBRARIES.filter((library) => library.isUsed(app.folder));
  const [library, ...more] = found;
  if (!library) return toBeFilled();
  if (more.length > 0) return toBeFilled(`This app has ${found.map(({ name }) => name).join(' and ')}: choose one.`);
  const { name, instance, advice } = library;
  const own = instance?.find(finder);
  if (instance && !own) return toBeFilled(...whatItWouldBe(library, instance.usual, app.language));
  const code = library.code({ name: own?.name ?? '', specifier: own ? specifierOf(own.module) : '' }, app.language);
  return { ...code, advice: `“identify” asks ${name}. ${advice}`.trim(), isOpen: false };
}

type Instance = NonNullable<AuthLibrary['instance']>;

function whatItWouldBe(library: AuthLibrary, usual: Instance['usual'], language: 'ts' | 'js'): string[] {
  const { imports, lines } = library.code(usual, language);
  const introduction = `This app has ${library.name}, but “${usual.declaration}” was not found. With it, the code is:`;
  return [introduction, ...[...imports, ...lines].map((line) => `  ${line}`)];
}

function toBeFilled(...hints: string[]): Identify {
  const comment = [
    'FILL IN: identify the user. Return the id that you pass to sendToUser. Your session knows it from the cookies or',
    'headers of the request, which is the first argument here. If you return null, the answer is 401.',
    'Until you fill this in, everybody is “demo” in development and is refused in production.',
    ...hints,
  ];
  return {
    imports: [],
    lines: [
      'identify: async () => {',
      ...comment.map((line) => `  // ${line}`.trimEnd()),
      "  return process.env.NODE_ENV === 'development' ? 'demo' : null;",
      '},',
    ],
    advice: 'Fill in “identify”. Until then, everybody is “demo” in development and is refused (401) in production.',
    isOpen: true,
  };
}
