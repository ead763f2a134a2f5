import { Type } from 'typebox'
import { endpoint } from './endpoint.ts'

export const health = endpoint({
  method: 'GET',
  path: '/health',
  summary: 'Alive.',
  caller: 'public',
  result: Type.Object({ status: Type.Literal('ok'), version: Type.String(), uptime_seconds: Type.Number() }),
})

const Part = Type.Union([Type.Literal('ok'), Type.Literal('failing')])

export const ready = endpoint({
  method: 'GET',
  path: '/ready',
  summary: 'Able to serve: database, bus, presence and storage answer. 503 names which does not.',
  caller: 'public',
  statuses: [503],
  result: Type.Object({
    status: Type.Union([Type.Literal('ok'), Type.Literal('unavailable')]),
    checks: Type.Record(Type.String(), Part),
  }),
})
