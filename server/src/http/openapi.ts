import { REFUSALS, type Endpoint, type RefusalCode } from '@messenger/contract'

const refusalsOf = (endpoint: Endpoint): RefusalCode[] => [
  ...endpoint.refusals,
  'malformed',
  'invalid',
  'too_large',
  'unsupported_media_type',
  'unavailable',
  ...(endpoint.caller === 'public' ? [] : (['unauthorized'] as const)),
  ...(endpoint.caller === 'admin' ? (['not_allowed'] as const) : []),
]

const content = (schema: unknown) => ({ 'application/json': { schema } })

function parameters(place: 'path' | 'query', schema: { properties?: object; required?: string[] }) {
  return Object.entries(schema.properties ?? {}).map(([name, property]) => ({
    name,
    in: place,
    required: place === 'path' || (schema.required ?? []).includes(name),
    schema: property,
  }))
}

function done(status: number, endpoint: Endpoint) {
  const description = 'Done.'
  if (status === 204) return { description }
  if (status === 302)
    return { description, headers: { Location: { required: true, schema: { type: 'string' } } } }
  return { description, content: content(endpoint.result) }
}

function operation(endpoint: Endpoint) {
  const byStatus = new Map<number, RefusalCode[]>()
  for (const code of new Set(refusalsOf(endpoint)))
    byStatus.set(REFUSALS[code], [...(byStatus.get(REFUSALS[code]) ?? []), code])
  const responses: Record<string, unknown> = {}
  for (const [status, codes] of [...byStatus].sort(([a], [b]) => a - b))
    responses[status] = {
      description: codes.join(', '),
      content: content({ $ref: '#/components/schemas/Error' }),
    }
  for (const status of [endpoint.status, ...endpoint.statuses]) responses[status] = done(status, endpoint)
  const takesBody = Object.keys(endpoint.body.properties ?? {}).length > 0
  return {
    summary: endpoint.summary,
    tags: [endpoint.path.split('/')[1]],
    parameters: [...parameters('path', endpoint.params), ...parameters('query', endpoint.query)],
    ...(takesBody
      ? {
          requestBody: {
            required: (endpoint.body.required ?? []).length > 0,
            content:
              endpoint.takes === 'multipart'
                ? { 'multipart/form-data': { schema: endpoint.body } }
                : content(endpoint.body),
          },
        }
      : {}),
    responses,
    security:
      endpoint.caller === 'public'
        ? []
        : endpoint.caller === 'optional'
          ? [{}, { bearer: [] }]
          : [{ bearer: [] }],
  }
}

/** OpenAPI 3.1, made of the same objects that check the requests. */
export function openapi(endpoints: readonly Endpoint[], version: string) {
  const paths: Record<string, Record<string, unknown>> = {}
  for (const endpoint of endpoints) {
    const path = endpoint.path.replace(/:(\w+)/g, '{$1}')
    ;(paths[path] ??= {})[endpoint.method.toLowerCase()] = operation(endpoint)
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Messenger', version, description: 'Everything answers at the root and under /api.' },
    servers: [{ url: '/api' }],
    paths,
    components: {
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } },
      schemas: {
        Error: {
          type: 'object',
          required: ['error', 'code'],
          properties: {
            error: { type: 'string' },
            code: { type: 'string', enum: Object.keys(REFUSALS) },
            field: { type: 'string' },
          },
        },
      },
    },
  }
}
