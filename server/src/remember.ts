/** Keeps at most so many: what is set is the newest of them, and the oldest makes room. */
export function remember<Key, Value>(known: Map<Key, Value>, key: Key, value: Value, most: number): void {
  known.delete(key)
  if (known.size >= most) known.delete(known.keys().next().value!)
  known.set(key, value)
}
