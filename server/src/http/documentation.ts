import type { OwnPages } from './door.ts'

/** `/openapi.json` and a page that shows it, with nothing loaded from elsewhere. */
export function documentation(described: string): OwnPages {
  const json = () =>
    new Response(described, { headers: { 'content-type': 'application/json; charset=utf-8' } })
  const page = () => new Response(documentationPage(described), { headers: PAGE_HEADERS })
  return { '/openapi.json': json, '/docs': page }
}

const PAGE_HEADERS = {
  'content-type': 'text/html; charset=utf-8',
  'x-content-type-options': 'nosniff',
  'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'",
}

interface Operation {
  summary: string
  tags: string[]
  parameters: { name: string; in: string; required: boolean; schema: unknown }[]
  requestBody?: { content: Record<string, { schema: unknown }> }
  responses: Record<string, { description: string; content?: Record<string, { schema: unknown }> }>
  security: unknown[]
}

const escape = (text: string) => text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`)
const shown = (value: unknown) => `<pre>${escape(JSON.stringify(value, null, 2))}</pre>`

function operationPart(path: string, method: string, operation: Operation): string {
  const parameters = operation.parameters
    .map(
      ({ name, in: place, required, schema }) =>
        `<li><code>${name}</code> (${place}${required ? '' : ', optional'}) <code>${escape(JSON.stringify(schema))}</code></li>`,
    )
    .join('')
  const body = operation.requestBody?.content['application/json']?.schema
  const responses = Object.entries(operation.responses)
    .map(([status, { description, content }]) => {
      const schema = Number(status) < 300 ? content?.['application/json']?.schema : undefined
      return `<li><b>${status}</b> ${escape(description)}${schema ? `<details><summary>Answer</summary>${shown(schema)}</details>` : ''}</li>`
    })
    .join('')
  return `<details class="operation"><summary><b>${method.toUpperCase()}</b> <code>${escape(path)}</code> ${escape(operation.summary)}</summary>
    ${operation.security.length === 0 ? '<p>Public.</p>' : ''}${parameters ? `<h3>Parameters</h3><ul>${parameters}</ul>` : ''}
    ${body ? `<h3>Body</h3>${shown(body)}` : ''}<h3>Answers</h3><ul>${responses}</ul></details>`
}

function documentationPage(described: string): string {
  const { paths, info } = JSON.parse(described) as {
    paths: Record<string, Record<string, Operation>>
    info: { title: string; version: string }
  }
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  )
  const sections = [...Map.groupBy(operations, ({ operation }) => operation.tags[0] ?? '')]
    .map(
      ([tag, all]) =>
        `<h2>${escape(tag)}</h2>${all.map(({ path, method, operation }) => operationPart(path, method, operation)).join('')}`,
    )
    .join('')
  return `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${escape(info.title)} API</title><style>
:root{color-scheme:light dark;font:15px/1.5 system-ui,sans-serif}body{max-width:60rem;margin:2rem auto;padding:0 1rem}
.operation{border-block-end:1px solid #8884;padding:.5rem 0}summary{cursor:pointer}pre{overflow:auto;background:#8882;padding:.75rem;border-radius:8px}
h2{margin-block:2rem .5rem}h3{font-size:1rem;margin:.75rem 0 .25rem}
</style><h1>${escape(info.title)} API ${escape(info.version)}</h1><p>Everything answers at the root and under <code>/api</code>; the machine's version is <a href="/openapi.json">/openapi.json</a>.</p>${sections}</html>`
}
