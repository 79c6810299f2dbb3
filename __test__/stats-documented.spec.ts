/** `stats()` returns what its declaration says, no more and no less. */
import { interfaceOf, type ObjectType, objectTypeOf, stringsOf } from './support/declarations';
import { Evaluator, stopEvaluators } from './support/evaluator';

afterEach(stopEvaluators);

/** The names in an object, with those of their groups. */
function namesIn(value: object, group = ''): string[] {
  return Object.entries(value).flatMap(([name, inner]) =>
    typeof inner === 'object' && inner !== null ? namesIn(inner, `${group}${name}.`) : [group + name],
  );
}

function declaredIn(type: ObjectType | undefined, group = ''): string[] {
  return (type?.properties ?? []).flatMap(({ name, type }) => {
    const [, label] = /^Record<(\w+), number>$/.exec(type?.getText() ?? '') ?? [];
    if (label !== undefined) return stringsOf(label).map((value) => `${group}${name}.${value}`);
    const inner = objectTypeOf(type);
    return inner ? declaredIn(inner, `${group}${name}.`) : [group + name];
  });
}

test('stats have every declared name and no other', async () => {
  const server = await Evaluator.start({ backplane: { redis: 'redis://127.0.0.1:1' } });
  const stats = await server.evaluate(({ sse }) => sse.stats());
  expect(namesIn(stats).sort()).toEqual(declaredIn(interfaceOf('SSEStats')).sort());
});
