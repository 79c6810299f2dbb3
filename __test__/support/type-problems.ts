/** TypeScript, as a user of the package would have it. */
import { join } from 'node:path';
import ts from 'typescript';

const FILE = join(__dirname, '..', '..', 'snippet.mts');

/** By line, TypeScript's complaint about a user's module that begins with `declared`, or nothing. */
export function problems(declared: string, lines: string[]): (string | undefined)[] {
  const options: ts.CompilerOptions = {
    target: ts.ScriptTarget.ES2022,
    lib: ['lib.es2023.d.ts', 'lib.dom.d.ts', 'lib.dom.iterable.d.ts'],
    module: ts.ModuleKind.Node16,
    moduleResolution: ts.ModuleResolutionKind.Node16,
    strict: true,
    noEmit: true,
    types: [],
  };
  const host = ts.createCompilerHost(options);
  const { getSourceFile, fileExists, readFile } = host;
  const text = declared + lines.join('\n');
  host.fileExists = (path) => path === FILE || fileExists(path);
  host.readFile = (path) => (path === FILE ? text : readFile(path));
  host.getSourceFile = (path, version, ...rest) =>
    path === FILE ? ts.createSourceFile(path, text, version) : getSourceFile(path, version, ...rest);
  const found: (string | undefined)[] = lines.map(() => undefined);
  for (const { file, start = 0, messageText } of ts.getPreEmitDiagnostics(ts.createProgram([FILE], options, host))) {
    const line = (file?.getLineAndCharacterOfPosition(start).line ?? 0) - declared.split('\n').length + 1;
    found[line] = ts.flattenDiagnosticMessageText(messageText, ' ');
  }
  return found;
}
