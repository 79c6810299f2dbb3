/**
 * The part of Standard Schema (https://standardschema.dev) that validation needs. Zod, Valibot, ArkType and others implement it, so ssekit
 * depends on no such library.
 */
export interface StandardSchema<Output> {
  readonly '~standard': {
    validate(value: unknown): SchemaResult<Output> | Promise<SchemaResult<Output>>;
    readonly types?: { readonly input: unknown; readonly output: Output } | undefined;
  };
}

export type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: ReadonlyArray<{ readonly message: string }> };
