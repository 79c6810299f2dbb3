import { createSSERoute } from 'ssekit/next';

export const { GET } = createSSERoute({
  identify: (request) => new URL(request.url).searchParams.get('user'),
  resume: { ttl: 3_600 },
});
