/**
 * Who may import whom. `only` lists all that a room may import, everything else is forbidden to it;
 * `never` names what is forbidden. $1 is the first group of `from`: the room's own name.
 * scripts/check.test.mjs proves that these rules bite.
 */
const TEST = String.raw`\.test\.ts$|^server/src/testing/`
const CONTRACT = '^contract/src/'
const PROMISES = String.raw`^server/src/ports/(resources|[^/]+/(port|tell))\.ts$`
/** Files of SQL; a room with many has more than one of them, named by what they are about. */
const SQL = '(queries|bans|deletion|departures|drafts|marks|members|receipts|store)'
const REFUSAL = String.raw`^server/src/http/refusal\.ts$`

const only = (name, from, to, comment) => ({
  name,
  comment,
  severity: 'error',
  from: { path: from, pathNot: TEST },
  to: { pathNot: to },
})

const never = (name, from, to, comment) => ({
  name,
  comment,
  severity: 'error',
  from: { pathNot: TEST, ...from },
  to,
})

module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    { name: 'no-unknown', severity: 'error', from: {}, to: { couldNotResolve: true, pathNot: '^bun(:|$)' } },

    only(
      'contract-is-a-word',
      CONTRACT,
      [CONTRACT, '/typebox/'],
      'Both sides speak it; it imports ours never.',
    ),

    only(
      'port-is-a-promise',
      String.raw`^server/src/ports/[^/]+/port\.ts$`,
      [CONTRACT, String.raw`^server/src/ports/[^/]+/port\.ts$`],
      'A promise about the outside names no vendor.',
    ),
    never(
      'port-knows-no-feature',
      { path: '^server/src/ports/' },
      { path: '^server/src/(features|http|app|main)' },
    ),
    never(
      'port-knows-its-own-vendor',
      { path: '^server/src/ports/([^/]+)/' },
      {
        path: '^server/src/ports/',
        pathNot: [String.raw`^server/src/ports/(($1|redis)/|folder\.ts$)`, PROMISES],
      },
      'Another port is known by its promise.',
    ),
    never(
      'vendor-lives-in-its-port',
      { path: '^server/src/', pathNot: [TEST, '^server/src/ports/redis/'] },
      { path: '/node_modules/(redis|@redis)/|^node_modules/(redis|@redis)/' },
      'Redis is reached through the link of ports/redis.',
    ),

    never(
      'http-knows-no-feature',
      { path: '^server/src/http/' },
      { path: '^server/src/(features|app|main)' },
    ),
    never(
      'http-knows-promises-only',
      { path: '^server/src/http/' },
      { path: '^server/src/ports/', pathNot: PROMISES },
    ),

    only(
      'queries-are-sql',
      String.raw`^server/src/features/([^/]+)/${SQL}\.ts$`,
      [
        CONTRACT,
        REFUSAL,
        String.raw`^server/src/ports/db/port\.ts$`,
        String.raw`^server/src/features/[^/]+/${SQL}\.ts$`,
        String.raw`^server/src/features/$1/(wire|rules|rows)\.ts$`,
      ],
      'SQL and nothing else: no HTTP, no bus, no clock.',
    ),
    only(
      'rules-are-pure',
      String.raw`^server/src/features/([^/]+)/rules\.ts$`,
      [CONTRACT, REFUSAL, String.raw`^server/src/http/moment\.ts$`],
      'A decision from what it is given.',
    ),
    never(
      'routes-belong-to-app',
      { path: '^(server|bench|e2e|web)/', pathNot: String.raw`^server/src/app\.ts$` },
      { path: String.raw`^server/src/features/[^/]+/routes\.ts$` },
      'Only app.ts knows every room.',
    ),
    never(
      'features-meet-in-queries',
      { path: '^server/src/features/([^/]+)/' },
      {
        path: '^server/src/features/',
        pathNot: ['^server/src/features/$1/', String.raw`^server/src/features/[^/]+/(${SQL}|rows)\.ts$`],
      },
      'Another feature is reached through its queries; what it does is handed in by app.ts.',
    ),
    never(
      'features-know-promises-only',
      { path: '^server/src/features/' },
      { path: '^server/src/ports/', pathNot: PROMISES },
    ),
    never(
      'realtime-holds-no-rule',
      { path: '^server/src/features/realtime/' },
      {
        path: '^server/src/(features|ports)/',
        pathNot: [
          '^server/src/features/realtime/',
          String.raw`^server/src/features/chats/queries\.ts$`,
          String.raw`^server/src/ports/(resources|(bus|presence|db)/(port|tell))\.ts$`,
        ],
      },
      "The socket room knows bus, presence, db and who is in a chat; a feature's deed is handed in by app.ts.",
    ),
    never(
      'app-belongs-to-main',
      { path: '^server/src/', pathNot: [TEST, String.raw`^server/src/main\.ts$`] },
      { path: String.raw`^server/src/(app|main)\.ts$` },
    ),
    never('testing-stays-in-tests', {}, { path: '^server/src/testing/' }),

    never(
      'server-knows-the-contract-only',
      { path: '^server/', pathNot: '^$' },
      { path: '^(web|bench|e2e|desktop)/' },
    ),
    never('web-knows-the-contract-only', { path: '^web/', pathNot: '^$' }, { path: '^(server|bench|e2e)/' }),
    never('bench-speaks-over-the-wire', { path: '^bench/', pathNot: '^$' }, { path: '^(server|web|e2e)/' }),
    never('e2e-speaks-over-the-wire', { path: '^e2e/', pathNot: '^$' }, { path: '^(server|web|bench)/' }),

    never(
      'store-is-truth',
      { path: String.raw`^web/src/features/([^/]+)/store\.ts$` },
      {
        path: '^web/src/|/@tauri-apps/|/vue-router/|/reka-ui/|^@tauri-apps/',
        pathNot: [
          String.raw`^web/src/(api|errors|kept|upToDate|wire)\.ts$`,
          String.raw`^web/src/features/[^/]+/store\.ts$`,
          String.raw`^web/src/features/$1/[^/]+\.ts$`,
        ],
      },
      'It touches no DOM, no socket, no desktop.',
    ),
    never(
      'picture-fetches-nothing',
      { path: String.raw`^web/src/(features|ui)/.*\.vue$` },
      { path: String.raw`^web/src/(api|live|app|main)\.ts$` },
    ),
    never(
      'picture-shows-its-own-room',
      { path: String.raw`^web/src/features/([^/]+)/.*\.vue$` },
      {
        path: '^web/src/(features|platform)/',
        pathNot: [
          '^web/src/features/$1/',
          String.raw`^web/src/features/[^/]+/(store|outbox|order|words)\.ts$`,
          String.raw`^web/src/features/[^/]+/[^/]+\.vue$`,
          String.raw`^web/src/platform/port\.ts$`,
        ],
      },
      'Another feature is seen through its stores, words and pictures, the platform through its promise.',
    ),
    never(
      'furniture-knows-no-chat',
      { path: '^web/src/ui/' },
      { path: ['^contract/', String.raw`^web/src/(?!ui/|locales/)`] },
    ),
    never(
      'tauri-lives-in-desktop',
      { pathNot: String.raw`^web/src/platform/desktop\.ts$` },
      { path: '@tauri-apps/' },
    ),
    never('platform-knows-no-feature', { path: '^web/src/platform/' }, { path: '^web/src/(?!platform/)' }),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(web/dist|bench/results|e2e/output)/' },
    tsPreCompilationDeps: true,
    combinedDependencies: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'bun', 'node', 'types', 'default'],
      extensions: ['.ts', '.mjs', '.js', '.vue', '.json'],
    },
  },
}
