import { expect, test } from 'bun:test'
import { listSessions, login } from '@messenger/contract'
import { call, newWorld, PASSWORD } from '../testing/world.ts'
import { isRange, Proxies } from './proxies.ts'

test.each([
  ['127.0.0.1', true],
  ['::1', true],
  ['10.0.0.0/8', true],
  ['0.0.0.0/0', true],
  ['fd00::/8', true],
  ['10.0.0.0/33', false],
  ['fd00::/129', false],
  ['10.0.0.0/', false],
  ['10.0.0.0/8/8', false],
  ['10.0.0/8', false],
  ['proxy.example', false],
  ['', false],
])('%p is an address or a range: %p', (text, is) => expect(isRange(text)).toBe(is))

const TRUSTED = ['192.0.2.1', '10.0.0.0/8', 'fd00::/8']

test.each([
  ['203.0.113.5', '198.51.100.7', '203.0.113.5', 'whoever is no proxy of ours is not believed'],
  ['192.0.2.1', null, '192.0.2.1', 'a proxy that says nothing'],
  ['192.0.2.1', '198.51.100.7', '198.51.100.7', 'one proxy, by its address'],
  ['10.200.3.4', '198.51.100.7', '198.51.100.7', 'one proxy, by its range'],
  ['::ffff:10.200.3.4', '::ffff:198.51.100.7', '198.51.100.7', 'as sockets for both families write it'],
  ['fd12::1', '2001:db8::7', '2001:db8::7', 'IPv6'],
  ['192.0.2.1', '198.51.100.7, 10.1.1.1 ,fd00::9', '198.51.100.7', 'a chain of ours'],
  [
    '192.0.2.1',
    '1.2.3.4, 198.51.100.7',
    '198.51.100.7',
    'what a client wrote itself stands before its address',
  ],
  ['192.0.2.1', '198.51.100.7, unknown', '198.51.100.7', 'what is no address'],
  ['192.0.2.1', '10.1.1.1', '192.0.2.1', 'none but ours'],
  ['', '198.51.100.7', '', 'a connection that is gone'],
])('%p, forwarded for %p, is %p: %s', (peer, forwarded, client) =>
  expect(new Proxies(TRUSTED).clientOf(peer, forwarded)).toBe(client),
)

test('without proxies nobody is believed', () =>
  expect(new Proxies([]).clientOf('192.0.2.1', '198.51.100.7')).toBe('192.0.2.1'))

test.each([
  ['127.0.0.0/8', '198.51.100.7'],
  ['', '127.0.0.1'],
])('behind TRUSTED_PROXIES=%p a session shows %p', async (trusted, shown) => {
  const world = await newWorld({ env: { TRUSTED_PROXIES: trusted } })
  const ann = await world.user('ann')
  const answer = await fetch(`${world.url}api${login.path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-forwarded-for': '198.51.100.7' },
    body: JSON.stringify({ username: ann.username, password: PASSWORD }),
  })
  expect(answer.status).toBe(200)
  const { access_token } = (await answer.json()) as { access_token: string }
  const sessions = await call(world.url, listSessions, {}, access_token)
  expect(sessions.find(({ current }) => current)!.address).toBe(shown)
  await world.close()
})
