// Before anything is painted: the theme that was chosen in this browser.
try {
  const theme = localStorage.getItem('messenger.theme')
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme
} catch {
  // Storage is off: the system's theme is shown.
}
