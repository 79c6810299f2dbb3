export function fail(status: number, error: string): Response {
  return Response.json({ error }, { status });
}

export async function readJson(request: Request): Promise<Record<string, unknown>> {
  const body: unknown = await request.json().catch(() => null);
  return typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {};
}

export function seeOther(location: string): Response {
  // Relative, so that it holds under whatever host name the browser came by.
  return new Response(null, { status: 303, headers: { location } });
}
