/** Whether a request says that it brings JSON. A page of another origin needs a preflight for this type. */
export function isJson({ headers }: { headers: Pick<Headers, 'get'> }): boolean {
  const [essence = ''] = (headers.get('content-type') ?? '').split(';', 1);
  return essence.trim().toLowerCase() === 'application/json';
}
