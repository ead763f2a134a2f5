import * as contract from '@messenger/contract'
import type { Endpoint } from '@messenger/contract'
import { nothing, rule, type Rule, type Scene } from './permissions.ts'
import { call } from './world.ts'

const ADMINS_ONLY = '401 401 403 403 403 403 403'
let made = 0

/** Somebody whom it does not matter to lose; only an admin gets so far. */
async function victim({ caller, people, other, world }: Scene) {
  if (caller !== people['site admin']) return { params: { user_id: other.id } }
  const username = `victim_${++made}`
  const body = { username, email: `${username}@example.org`, password: 'long enough' }
  return { params: { user_id: (await call(world.url, contract.register, { body })).id } }
}

const thread = async ({ other }: Scene) => ({
  params: { chat_id: (await other.call(contract.openSupport)).chat_id },
})

const answer = { title: 'Hours', content: 'We answer from nine to five.' }
const kept = async ({ people }: Scene) => {
  const { id } = await people['site admin'].call(contract.createCannedAnswer, { body: answer })
  return { params: { answer_id: id } }
}

const admins = (endpoint: Endpoint, status: number, ask: Rule['ask'], note = '') =>
  rule(endpoint, 'server', `${ADMINS_ONLY} ${status}`, ask, note)

/** What only those who administer the server may do, in the order of CALLERS. */
export const ADMIN_RULES: Rule[] = [
  admins(contract.getStats, 200, nothing),
  admins(contract.listAccounts, 200, nothing),
  admins(contract.getAccount, 200, ({ other }) => ({ params: { user_id: other.id } })),
  admins(contract.blockAccount, 204, victim),
  admins(contract.unblockAccount, 204, victim),
  admins(contract.deleteAccount, 204, victim),
  admins(contract.toggleAdmin, 204, victim),
  admins(
    contract.blockAccount,
    400,
    ({ people }) => ({ params: { user_id: people['site admin'].id } }),
    'of the admin themselves',
  ),
  admins(
    contract.toggleAdmin,
    400,
    ({ people }) => ({ params: { user_id: people['site admin'].id } }),
    'of the admin themselves',
  ),
  admins(contract.listAllMessages, 200, nothing),
  admins(contract.listAudit, 200, nothing),
  rule(
    contract.claimAdmin,
    'server',
    '401 401 410 410 410 410 410 410',
    () => ({ body: { token: 'a token of long ago' } }),
    'where there is an admin',
  ),
  admins(contract.listSupportUsers, 200, nothing),
  admins(contract.listSupportThreads, 200, nothing),
  admins(contract.listSupportChats, 200, nothing),
  admins(contract.listSupportMessages, 200, nothing),
  admins(contract.sendSupport, 201, ({ other }) => ({
    body: { content: 'How can we help?', target_user_id: other.id },
  })),
  admins(contract.readSupportThread, 204, thread),
  admins(contract.assignSupportThread, 204, async (scene) => ({
    ...(await thread(scene)),
    body: { user_id: scene.people['site admin'].id },
  })),
  admins(contract.listCannedAnswers, 200, nothing),
  admins(contract.createCannedAnswer, 201, () => ({ body: answer })),
  admins(contract.updateCannedAnswer, 200, async (scene) => ({ ...(await kept(scene)), body: answer })),
  admins(contract.deleteCannedAnswer, 204, kept),
]
