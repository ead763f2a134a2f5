import type { Logger } from 'pino'
import {
  BUCKETS,
  LINK_LIFE_SECONDS,
  StorageUnavailable,
  bucketOf,
  signingTime,
  type Bucket,
  type ObjectKey,
  type Storage,
} from './port.ts'
import { signedUrl, type Signed } from './sigv4.ts'

/** The smallest part that S3 takes, the last one aside: one such buffer for each upload is all that is held. */
const PART_BYTES = 5 * 1024 * 1024
const CHECK_MS = 2000
const ANSWER_MS = 60_000

export interface S3Options {
  endpoint: string
  /** How clients reach it; the same as `endpoint` where it is absent. */
  public_endpoint: string | null
  region: string
  access_key_id: string
  secret_access_key: string
  bucket_prefix: string
  now?: () => number
}

/** Objects in any S3. A bucket that is missing is made; a server that does not answer yet is only logged. */
export async function openS3Storage(options: S3Options, log: Logger): Promise<Storage> {
  const storage = s3Storage(options)
  await storage.makeBuckets().catch((error: unknown) => {
    log.warn({ err: error }, 'the storage of S3_ENDPOINT does not answer yet')
  })
  return storage
}

type Asked = Pick<Signed, 'method' | 'key' | 'query'> & { bucket: Bucket }

function s3Storage(options: S3Options): Storage & { makeBuckets(): Promise<void> } {
  const { endpoint, region, access_key_id, secret_access_key, bucket_prefix, now = Date.now } = options
  const signer = { endpoint, region, access_key_id, secret_access_key }
  const publicly = { ...signer, endpoint: options.public_endpoint ?? endpoint }
  let bucketsMade = false

  async function ask(asked: Asked, body?: Uint8Array | string, headers: Record<string, string> = {}) {
    const { method } = asked
    const url = signedUrl(signer, {
      ...asked,
      bucket: bucket_prefix + asked.bucket,
      at: new Date(now()),
      life: 600,
    })
    const init = { method, headers, signal: AbortSignal.timeout(ANSWER_MS), ...(body ? { body } : {}) }
    try {
      return await fetch(url, init as RequestInit)
    } catch (error) {
      throw new StorageUnavailable(`The storage does not answer: ${(error as Error).name}`)
    }
  }

  /** What S3 refuses is a fault of the storage or of our keys: whoever asked us for something can only try again. */
  async function answered(response: Response, what: string): Promise<string> {
    const text = await response.text()
    if (response.ok) return text
    const code = /<Code>(\w+)<\/Code>/.exec(text)?.[1] ?? ''
    throw new StorageUnavailable(`The storage refused to ${what}: ${response.status} ${code}`)
  }

  async function makeBuckets(): Promise<void> {
    for (const bucket of BUCKETS) {
      const { status } = await ask({ method: 'HEAD', bucket, key: '' })
      if (status !== 404) {
        if (status >= 400)
          throw new StorageUnavailable(`The storage refuses the bucket ${bucket_prefix}${bucket}: ${status}`)
        continue
      }
      const made = await ask({ method: 'PUT', bucket, key: '' })
      if (made.status !== 409) await answered(made, `make the bucket ${bucket_prefix}${bucket}`)
    }
    bucketsMade = true
  }

  const tag = (response: Response, number: number) =>
    `<Part><PartNumber>${number}</PartNumber><ETag>${response.headers.get('etag')}</ETag></Part>`

  async function put(key: ObjectKey, body: AsyncIterable<Uint8Array>, mime_type: string): Promise<number> {
    if (!bucketsMade) await makeBuckets()
    const object = { bucket: bucketOf(key), key }
    const type = { 'content-type': mime_type }
    const buffer = new Uint8Array(PART_BYTES)
    const tags: string[] = []
    let [upload, filled, size] = ['', 0, 0]

    async function sendPart() {
      if (upload === '') {
        const begun = await answered(
          await ask({ method: 'POST', ...object, query: { uploads: '' } }, undefined, type),
          'begin an upload',
        )
        upload = /<UploadId>([^<]+)<\/UploadId>/.exec(begun)?.[1] ?? ''
        if (upload === '') throw new StorageUnavailable('The storage began no upload.')
      }
      const query = { partNumber: String(tags.length + 1), uploadId: upload }
      const sent = await ask({ method: 'PUT', ...object, query }, buffer.subarray(0, filled))
      await answered(sent, 'take a part')
      tags.push(tag(sent, tags.length + 1))
      filled = 0
    }

    try {
      for await (const chunk of body) {
        size += chunk.byteLength
        for (let at = 0; at < chunk.byteLength;) {
          const taken = Math.min(chunk.byteLength - at, PART_BYTES - filled)
          buffer.set(chunk.subarray(at, at + taken), filled)
          at += taken
          filled += taken
          if (filled === PART_BYTES) await sendPart()
        }
      }
      if (upload === '') {
        await answered(
          await ask({ method: 'PUT', ...object }, buffer.slice(0, filled), type),
          'take an object',
        )
        return size
      }
      if (filled > 0) await sendPart()
      const parts = `<CompleteMultipartUpload>${tags.join('')}</CompleteMultipartUpload>`
      const done = await answered(
        await ask({ method: 'POST', ...object, query: { uploadId: upload } }, parts),
        'end an upload',
      )
      // S3 may begin with 200 and only then find that it failed.
      if (done.includes('<Error>')) throw new StorageUnavailable('The storage could not end an upload.')
      return size
    } catch (error) {
      if (upload !== '')
        await ask({ method: 'DELETE', ...object, query: { uploadId: upload } }).catch(() => undefined)
      throw error
    }
  }

  async function sweep(before: Date): Promise<number> {
    let swept = 0
    for (const bucket of BUCKETS) {
      const list = await answered(
        await ask({ method: 'GET', bucket, key: '', query: { uploads: '' } }),
        'list uploads',
      )
      for (const [, one] of list.matchAll(/<Upload>(.*?)<\/Upload>/gs)) {
        const part = (name: string) => new RegExp(`<${name}>([^<]*)</${name}>`).exec(one!)?.[1] ?? ''
        if (new Date(part('Initiated')) >= before) continue
        await ask({ method: 'DELETE', bucket, key: part('Key'), query: { uploadId: part('UploadId') } })
        swept++
      }
    }
    return swept
  }

  return {
    makeBuckets,
    origin: new URL(publicly.endpoint).origin,
    put,
    head: async (key) => {
      const found = await ask({ method: 'HEAD', bucket: bucketOf(key), key })
      if (found.status === 404) return null
      await answered(found, 'describe an object')
      const { headers } = found
      return {
        size: Number(headers.get('content-length')),
        modified: new Date(headers.get('last-modified') ?? 0),
      }
    },
    get: async (key, range) => {
      const headers: Record<string, string> = range ? { range: `bytes=${range.first}-${range.last}` } : {}
      const found = await ask({ method: 'GET', bucket: bucketOf(key), key }, undefined, headers)
      if (found.status === 404) return null
      if (!found.ok || !found.body)
        throw new StorageUnavailable(`The storage gives no object: ${found.status}`)
      return found.body
    },
    remove: async (keys) => {
      for (const key of keys) {
        const gone = await ask({ method: 'DELETE', bucket: bucketOf(key), key })
        if (gone.status !== 404) await answered(gone, 'remove an object')
      }
    },
    link: (key, { mime_type, disposition }) =>
      signedUrl(publicly, {
        method: 'GET',
        bucket: bucket_prefix + bucketOf(key),
        key,
        query: { 'response-content-type': mime_type, 'response-content-disposition': disposition },
        at: signingTime(now()),
        life: LINK_LIFE_SECONDS,
      }),
    opened: () => null,
    sweep,
    check: async () => {
      // Nobody sends an upload to a node that is not ready: it cannot wait for one to make what is missing.
      const made = bucketsMade ? Promise.resolve() : makeBuckets()
      const asked = made.then(() => ask({ method: 'HEAD', bucket: 'uploads', key: '' }))
      const late = new Promise<null>((resolve) => setTimeout(resolve, CHECK_MS, null))
      const response = await Promise.race([asked, late])
      if (!response?.ok)
        throw new StorageUnavailable(`The storage does not answer: ${response?.status ?? 'too slow'}`)
    },
    close: () => Promise.resolve(),
  }
}
