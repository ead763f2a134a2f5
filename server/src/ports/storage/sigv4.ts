import { createHash, createHmac } from 'node:crypto'

export interface Signer {
  endpoint: string
  region: string
  access_key_id: string
  secret_access_key: string
}

export interface Signed {
  method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE'
  bucket: string
  /** '' for the bucket itself. */
  key: string
  query?: Record<string, string>
  /** When it was signed; the same moment makes the same address. */
  at: Date
  /** Seconds. */
  life: number
}

const hmac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest()
const hash = (text: string) => createHash('sha256').update(text).digest('hex')

/** Everything but the unreserved characters of RFC 3986, as the signature's text wants it. */
const encoded = (text: string) =>
  encodeURIComponent(text).replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`)

/** An address that carries its own permission: AWS Signature Version 4 in its query form, path style. */
export function signedUrl(signer: Signer, asked: Signed): string {
  const { origin, host, pathname } = new URL(signer.endpoint)
  const path = [pathname.replace(/\/$/, ''), asked.bucket, ...(asked.key === '' ? [] : asked.key.split('/'))]
    .map((part, index) => (index === 0 ? part : encoded(part)))
    .join('/')
  const time = asked.at.toISOString().replace(/[-:]|\.\d{3}/g, '')
  const scope = `${time.slice(0, 8)}/${signer.region}/s3/aws4_request`
  const query = Object.entries({
    ...asked.query,
    'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
    'X-Amz-Credential': `${signer.access_key_id}/${scope}`,
    'X-Amz-Date': time,
    'X-Amz-Expires': String(asked.life),
    'X-Amz-SignedHeaders': 'host',
  })
    .map(([name, value]) => `${encoded(name)}=${encoded(value)}`)
    .sort()
    .join('&')
  const request = [asked.method, path, query, `host:${host}\n`, 'host', 'UNSIGNED-PAYLOAD'].join('\n')
  const key = [...scope.split('/')].reduce<string | Buffer>(hmac, `AWS4${signer.secret_access_key}`)
  const signature = hmac(key as Buffer, ['AWS4-HMAC-SHA256', time, scope, hash(request)].join('\n'))
  return `${origin}${path}?${query}&X-Amz-Signature=${signature.toString('hex')}`
}
