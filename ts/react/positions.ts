/** Comparing cursors: `<epoch>.<position>`, and perhaps a key. Only those of one epoch can be compared. */

function split(id: string | undefined): [epoch: string, position: number] | undefined {
  const [, epoch, position] = /^(\w+)\.(\d+)(?:~\w*)?$/.exec(id ?? '') ?? [];
  return epoch === undefined ? undefined : [epoch, Number(position)];
}

/** Whether `id` stands at `since` or before it; undefined if nobody can say. */
export function isUpTo(id: string | undefined, since: string | undefined): boolean | undefined {
  const [one, other] = [split(id), split(since)];
  return one && other && one[0] === other[0] ? one[1] <= other[1] : undefined;
}

/** The one that stands first. If they cannot be compared, the one that was there before. */
export function earlier(id: string | undefined, other: string | undefined): string | undefined {
  return id === undefined || isUpTo(other, id) ? other : id;
}
