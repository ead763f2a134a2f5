import { createPinia } from 'pinia'
import { createApp } from 'vue'
import App from './App.vue'
import { router } from './app.ts'
import { i18n, useLanguage } from './i18n.ts'
import { useSettings } from './features/settings/store.ts'
import { watchConnection } from './live.ts'
import { browser } from './platform/browser.ts'
import { PLATFORM } from './platform/port.ts'
import './styles/index.css'

const app = createApp(App).use(createPinia()).use(i18n).provide(PLATFORM, browser)
watchConnection()
await useLanguage(useSettings().settings.language)
app.use(router)
await router.isReady()
app.mount('#app')
