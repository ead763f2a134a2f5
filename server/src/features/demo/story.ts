/**
 * A bakery with an online shop, to look at: who works there and what they said in the last three weeks. A line is
 * `who what`; `^` before the words answers the line above, `*` at the end says that it was edited.
 */
export const PEOPLE = [
  ['anna', 'Anna Lindqvist', 'Runs the place. Early mornings, strong coffee.'],
  ['marek', 'Marek Dvořák', 'Head baker.'],
  ['ines', 'Inês Carvalho', 'Shop, and everything that customers see.'],
  ['tobias', 'Tobias Brandt', 'Deliveries. The van is called Gerda.'],
  ['sofia', 'Софья Орлова', 'Books, invoices, payroll.'],
  ['yusuf', 'Yusuf Demir', 'Website and computers.'],
  ['claire', 'Claire Moreau', 'Cakes to order.'],
  ['jonas', 'Jonas Weber', 'Second baker, nights.'],
  ['mei', 'Mei Tanaka', 'Photos, newsletter, social media.'],
  ['oliver', 'Oliver Hughes', 'Apprentice.'],
  ['lena', 'Lena Fischer', 'Shop, afternoons.'],
  ['pavel', 'Павел Соколов', 'Purchasing.'],
] as const

export type Name = (typeof PEOPLE)[number][0]

export interface Room {
  type: 'direct' | 'group' | 'channel'
  title: string | null
  description: string | null
  public_name: string | null
  /** The owner first. */
  members: readonly Name[]
  /** Who has not read the newest. */
  behind: readonly Name[]
  talks: readonly Talk[]
}

export interface Talk {
  days_ago: number
  /** Minutes after midnight, UTC. */
  at: number
  lines: readonly string[]
}

const EVERYBODY = PEOPLE.map(([name]) => name)
const talk = (days_ago: number, time: string, lines: readonly string[]): Talk => {
  const [hours, minutes] = time.split(':').map(Number)
  return { days_ago, at: hours! * 60 + minutes!, lines }
}

const BREADS = [
  'rye with caraway',
  'walnut spelt',
  'olive ciabatta',
  'sunflower',
  'potato bread',
  'seeded sourdough',
]
const SOUPS = ['lentil soup', 'tomato soup', 'potato leek soup', 'minestrone', 'pumpkin soup']
const SWEETS = [
  'plum cake',
  'cinnamon rolls',
  'lemon tart',
  'cheesecake',
  'apple strudel',
  'poppy seed roll',
  'éclairs',
]
const NOTES = [
  '',
  ' The walnut loaf has sesame too today: please tell customers with allergies.',
  '',
  ' Everything left after six is half price.',
  ' Coffee machine two is being cleaned until ten.',
]

/** Every day but one each week. */
const WORKDAYS = Array.from({ length: 21 }, (_, index) => 20 - index).filter((days_ago) => days_ago % 7 !== 3)

const MENU = WORKDAYS.map((days_ago, n) =>
  talk(days_ago, '05:40', [
    `ines Today: ${BREADS[n % BREADS.length]!}, ${SOUPS[n % SOUPS.length]!}, ${SWEETS[n % SWEETS.length]!}.${NOTES[n % NOTES.length]!}`,
  ]),
)

const LOAVES = [62, 58, 71, 64, 80, 95, 60, 66, 69, 73, 84, 97, 63, 61, 74, 70, 88, 99]

/** The night's count and the morning's answer. */
const NIGHTS = WORKDAYS.map((days_ago, n) =>
  talk(days_ago, '03:50', [
    `jonas ${LOAVES[n % LOAVES.length]!} loaves and ${120 + ((n * 37) % 90)} rolls are on the racks.`,
    ['marek ^Thanks, starting the croissants.', 'marek ^Good. I take over.', 'oliver ^On my way!'][n % 3]!,
    ...(n % 4 === 1
      ? ['jonas Oven two runs ten degrees hot again.', 'marek ^I set it to 220 until the service comes.']
      : []),
    ...(n % 5 === 2 ? ['oliver Flour for two more days, I counted.*', 'marek ^Tell Pavel, please.'] : []),
  ]),
)

/** The van leaves, the van is back. */
const ROUTES = WORKDAYS.map((days_ago, n) =>
  talk(days_ago, '05:15', [
    `tobias Loaded: ${28 + ((n * 5) % 14)} crates.`,
    ...(n % 3 === 0 ? ['ines ^The hotel wants theirs at the back door today.'] : []),
    [
      'tobias Back. All delivered.',
      'tobias Back, two crates still at the school.',
      'tobias Back, traffic at the bridge.',
    ][n % 3]!,
  ]),
)

/** What the till says in the evening. */
const EVENINGS = WORKDAYS.map((days_ago, n) =>
  talk(days_ago, '18:35', [
    `lena Closed. ${210 + ((n * 31) % 120)} customers, ${n % 6} loaves left.`,
    ...(n % 2 === 0 ? ['ines ^Thanks, see you tomorrow!'] : []),
  ]),
)

export const ROOMS: readonly Room[] = [
  {
    type: 'channel',
    title: 'Today at the bakery',
    description: 'What is on the shelf, every morning.',
    public_name: 'todays_bread',
    members: ['ines', ...EVERYBODY.filter((name) => name !== 'ines')],
    behind: ['oliver', 'yusuf'],
    talks: MENU,
  },
  {
    type: 'group',
    title: 'Bakehouse',
    description: 'Nights and early mornings.',
    public_name: null,
    members: ['marek', 'jonas', 'oliver', 'claire', 'anna'],
    behind: ['anna'],
    talks: NIGHTS,
  },
  {
    type: 'group',
    title: 'Everybody',
    description: 'Things that concern all of us.',
    public_name: null,
    members: EVERYBODY,
    behind: ['jonas', 'lena', 'pavel'],
    talks: [
      talk(20, '09:10', [
        'anna Welcome to our new messenger! It runs on the little server under the stairs, nothing leaves the house.',
        'yusuf ^You can search, reply, edit and delete. If something looks odd, write to Support.',
        'tobias Does it work in the van?',
        'yusuf ^In any browser. Without a connection it keeps what you write and sends it later.',
        'mei Finally no more private numbers in work groups 🎉',
        'sofia Спасибо! Русский язык тоже есть, очень удобно.',
      ]),
      talk(16, '11:30', [
        'anna The street will be closed on Saturday for the market. Deliveries before seven, please.',
        'tobias ^Then Gerda leaves at 5:30.',
        'lena I can come an hour earlier and help loading.',
        'tobias ^Hero.',
      ]),
      talk(11, '12:05', [
        'claire The wedding cake for Friday is four tiers. Who has a steady hand and a strong back?',
        'oliver ^Me! Well, one of the two.',
        'marek ^^I help carrying.',
        'mei May I take pictures while you stack it?',
        'claire ^Yes, but no flash, the sugar flowers are nervous.',
      ]),
      talk(6, '08:45', [
        'sofia Payslips are out. Please check your hours until Thursday.',
        'jonas ^My night on the 3rd is missing.',
        'sofia ^Found it, corrected.*',
        'jonas Thanks!',
      ]),
      talk(1, '13:20', [
        'anna Good week, everybody: the best since Easter. There is cake in the kitchen.',
        'claire ^There was cake in the kitchen.',
        'oliver It was very good cake.',
        'ines 😂',
        'pavel Хлеб из новой муки хвалят, берём её дальше?',
        'marek ^Yes, same supplier, please.',
      ]),
    ],
  },
  {
    type: 'group',
    title: 'Shop and website',
    description: null,
    public_name: null,
    members: ['ines', 'lena', 'yusuf', 'mei', 'anna'],
    behind: ['lena'],
    talks: [
      ...EVENINGS,
      talk(18, '10:00', [
        'ines Customers ask whether they can order online for pick-up at seven.',
        'yusuf ^They can, but the page hides it well. I make the button larger.',
        'mei ^I have a photo of the pick-up shelf for it.',
        'ines Could it also say that the order closes at 20:00?*',
        'yusuf ^Done.',
      ]),
      talk(13, '15:40', [
        'lena The card reader at the second till says “try again” to everything.',
        'yusuf ^Unplug it for ten seconds?',
        'lena It works. You are a wizard.',
        'yusuf ^It is a very old spell.',
      ]),
      talk(8, '14:15', [
        'mei Newsletter is ready: pumpkin bread, Saturday market, the baking course.',
        'anna ^Lovely. Please write that the course has twelve places.',
        'mei Eight are gone already, after one story on Instagram.',
        'ines ^Then twelve is optimistic, say “a few”.',
        'mei Sent to 1,340 people. Opening rate in an hour.',
        'mei 46 %!',
        'anna ^Bread moves people.',
      ]),
      talk(2, '16:30', [
        'ines Do we have the allergens of the new seeded loaf somewhere?',
        'yusuf ^On the product page since noon, Marek gave me the list: gluten, sesame, may contain nuts.',
        'ines Perfect, printing the card for the shelf.',
        'lena The printer is out of blue.',
        'ines ^Then it will be a very warm card.',
      ]),
    ],
  },
  {
    type: 'group',
    title: 'Deliveries',
    description: 'Routes, delays, Gerda.',
    public_name: null,
    members: ['tobias', 'pavel', 'ines', 'marek'],
    behind: [],
    talks: [
      ...ROUTES,
      talk(19, '05:10', [
        'pavel На обратном пути забери, пожалуйста, масло у поставщика.',
        'tobias ^Will do, about nine.',
      ]),
      talk(14, '06:25', [
        'tobias The school is closed today, nobody told me.',
        'ines ^They wrote to the wrong address, sorry! The rolls can go to the food bank.',
        'tobias ^Already there. They say thank you.',
      ]),
      talk(9, '05:50', [
        'tobias Gerda does not start.',
        'marek ^Again? Take my car, key is in the office.',
        'tobias ^40 loaves in a hatchback, this will be a story.',
        'tobias All delivered. I smell like rye.',
        'pavel ^Сервис заберёт Герду в полдень.',
      ]),
      talk(4, '07:35', [
        'tobias Café Central wants ten more baguettes from Monday.',
        'marek ^Fine from Tuesday, Monday the oven is being serviced.',
        'tobias I told them Tuesday.*',
      ]),
      talk(0, '05:05', [
        'tobias Loaded, all routes as usual.',
        'ines ^Please bring the empty crates from the hotel.',
      ]),
    ],
  },
  {
    type: 'direct',
    title: null,
    description: null,
    public_name: null,
    members: ['anna', 'marek'],
    behind: ['anna'],
    talks: [
      talk(15, '06:30', [
        'marek The oven man comes Monday at ten. He says the seal, 480 with travel.',
        'anna ^Do it. Is Oliver ready for the exam?',
        'marek ^His baguettes are better than mine at his age. Do not tell him.',
      ]),
      talk(7, '17:10', [
        'anna Could we try a Friday evening bake? People ask for warm bread after work.',
        'marek If Jonas starts two hours earlier. I ask him.',
        'marek He says yes, for two Fridays to see.',
        'anna Wonderful. Thank you both.',
      ]),
      talk(1, '18:00', [
        'marek First Friday: sold out at 18:40.',
        'marek 52 loaves, and a queue with dogs.',
        'marek I think we keep it.',
      ]),
    ],
  },
  {
    type: 'direct',
    title: null,
    description: null,
    public_name: null,
    members: ['anna', 'sofia'],
    behind: [],
    talks: [
      talk(12, '09:00', [
        'sofia Квартальный отчёт готов, отправить бухгалтеру?',
        'anna ^Yes please. How do we look?',
        'sofia Better than last year: sales +8 %, flour +3 %, energy −5 %.',
        'anna ^Minus five? The new timer on the proofer, probably.',
        'sofia ^That, and Jonas, who turns off lights.',
      ]),
      talk(3, '10:20', [
        'anna Can you prepare the contract for the baking course room?',
        'sofia ^It is on your desk.',
      ]),
    ],
  },
  {
    type: 'direct',
    title: null,
    description: null,
    public_name: null,
    members: ['claire', 'mei'],
    behind: ['claire'],
    talks: [
      talk(10, '19:30', [
        'mei The wedding pictures are unbelievable. The bride cried at the cake.',
        'claire ^I cried at the stairs.',
        'mei May I put the one with the sugar peonies on the front page?',
        'claire ^Please do!',
      ]),
      talk(2, '12:40', [
        'mei Three new cake requests from that one picture.',
        'mei One asks for a cake like a tram.',
      ]),
    ],
  },
]

export const SUPPORT: Talk = talk(5, '13:00', [
  'lena Hello, my notifications come twice on the phone.',
  'support Hello Lena! Is the page open in two browsers there? Signing out in one of them helps.',
  'lena ^Yes, two. It is fine now, thank you!',
  'lena One more thing: can I change my name here?',
])
