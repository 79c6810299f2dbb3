/**
 * `Symbol.dispose`, for the `using` of a test. Node.js has it, but the contexts that jest and jsdom make of their own have not, and there the
 * methods of this name would be called `undefined`.
 */
import { runInThisContext } from 'node:vm';

for (const name of ['dispose', 'asyncDispose']) {
  if (name in Symbol) continue;
  const value = runInThisContext(`Symbol.${name}`) ?? Symbol.for(`Symbol.${name}`);
  Object.defineProperty(Symbol, name, { value });
}
