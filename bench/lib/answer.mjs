/** Answers what the process that started this one asks, and ends with it. */
export function answer(operations) {
  process.on('message', async ({ id, op, ...args }) => {
    try {
      process.send({ id, result: (await operations[op](args)) ?? null });
    } catch (error) {
      process.send({ id, error: String(error?.stack ?? error) });
    }
  });
  process.on('disconnect', () => process.exit());
}
