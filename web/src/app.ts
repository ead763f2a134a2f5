import { createRouter, createWebHistory } from 'vue-router'
import { currentTokens } from './api.ts'

const Shell = () => import('./features/chats/Shell.vue')

declare module 'vue-router' {
  interface RouteMeta {
    /** May be seen without an account. */
    open?: boolean
    /** Which pane a phone shows. */
    show?: 'list' | 'main' | 'details'
  }
}

export const router = createRouter({
  history: createWebHistory(),
  routes: [
    { path: '/', redirect: '/app' },
    { path: '/login', component: () => import('./features/session/SignIn.vue'), meta: { open: true } },
    { path: '/register', component: () => import('./features/session/Register.vue'), meta: { open: true } },
    {
      path: '/app',
      component: Shell,
      children: [
        {
          path: '',
          name: 'list',
          component: () => import('./features/chats/NothingOpen.vue'),
          meta: { show: 'list' },
        },
        {
          path: 'new/:kind(direct|group|channel)?',
          name: 'new',
          component: () => import('./features/chats/NothingOpen.vue'),
          meta: { show: 'list' },
        },
        {
          path: 'archive',
          name: 'archive',
          component: () => import('./features/chats/NothingOpen.vue'),
          meta: { show: 'list' },
        },
        {
          path: 'c/:chat_id(\\d+)',
          name: 'chat',
          component: () => import('./features/messages/ConversationView.vue'),
          props: (route) => ({ chat_id: Number(route.params['chat_id']) }),
          meta: { show: 'main' },
        },
        {
          path: 'c/:chat_id(\\d+)/details',
          name: 'details',
          component: () => import('./features/messages/ConversationView.vue'),
          props: (route) => ({ chat_id: Number(route.params['chat_id']) }),
          meta: { show: 'details' },
        },
        {
          path: 'settings/:section?',
          name: 'settings',
          component: () => import('./features/settings/SettingsPage.vue'),
          meta: { show: 'main' },
        },
      ],
    },
    { path: '/dm/:user_id(\\d+)', component: () => import('./features/people/PersonLink.vue') },
    { path: '/u/:user_id(\\d+)', component: () => import('./features/people/PersonLink.vue') },
    { path: '/@:username', component: () => import('./features/people/PersonLink.vue') },
    {
      path: '/c/:chat_id(\\d+)/:message_id(\\d+)',
      redirect: ({ params }) => ({
        name: 'chat',
        params: { chat_id: params['chat_id'] },
        query: { message: params['message_id'] },
      }),
    },
    {
      path: '/c/:public_name',
      component: () => import('./features/chats/PublicChat.vue'),
      meta: { open: true },
    },
    {
      path: '/join/:token([\\w-]+)',
      component: () => import('./features/invites/InvitePage.vue'),
      meta: { open: true },
    },
    { path: '/admin/claim/:token', component: () => import('./features/session/AdminClaim.vue') },
    {
      path: '/:unknown(.*)*',
      component: () => import('./ui/NotFound.vue'),
      meta: { open: true },
    },
  ],
})

router.beforeEach((to) => {
  const signedIn = currentTokens() !== null
  if (!signedIn && !to.meta.open)
    return { path: '/login', query: to.fullPath === '/app' ? {} : { next: to.fullPath } }
  if (signedIn && (to.path === '/login' || to.path === '/register')) return '/app'
  return true
})
