/** Where the reader was in each chat, for as long as the page is open. Absent: at the end. */
export const places = new Map<number, { seq: number; share: number }>()
