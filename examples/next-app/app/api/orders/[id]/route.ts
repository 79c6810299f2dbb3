import { SSEService } from '@/features/sse';
import { fail, readJson } from '@/lib/http';
import { addEntry } from '@/lib/order-book';
import { channelOf } from '@/lib/order-channel';
import { snapshotOf } from '@/lib/order-snapshot';
import { userFromRequest } from '@/lib/session';

const MOST_CHARACTERS = 200;

interface Context {
  params: Promise<{ id: string }>;
}

/** The parts of another order that a page shows, with the cursor to subscribe from. */
export async function GET(request: Request, { params }: Context) {
  if (!userFromRequest(request)) return fail(401, 'log in first');
  const snapshot = await snapshotOf((await params).id);
  return snapshot ? Response.json(snapshot) : fail(404, 'there is no such order');
}

export async function POST(request: Request, { params }: Context) {
  const user = userFromRequest(request);
  if (!user) return fail(401, 'log in first');

  const { id } = await params;
  const { text } = await readJson(request);
  if (typeof text !== 'string' || !text.trim() || text.length > MOST_CHARACTERS) {
    return fail(400, `text must be a string of 1 to ${MOST_CHARACTERS} characters`);
  }
  const entry = addEntry(id, user.id, text.trim());
  if (!entry) return fail(404, 'there is no such order');
  SSEService.getInstance().sendToChannel(channelOf(id), { event: 'order-entry', data: entry });
  return Response.json(entry, { status: 201 });
}
