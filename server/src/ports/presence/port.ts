/**
 * Who is online, over all nodes. A node holds a claim for each user with an active socket on it;
 * claims of a node that died expire by themselves.
 */
export interface Presence {
  /** The first active socket of this user on this node. Resolves to true when the user was offline everywhere before. */
  enter(user_id: number): Promise<boolean>
  /** The last active socket of this user on this node is gone. Resolves to true when the user is now offline everywhere. */
  leave(user_id: number): Promise<boolean>
  /** Those of `user_ids` who are online on any node. */
  online(user_ids: readonly number[]): Promise<Set<number>>
  /** How many people are online on all nodes. */
  count(): Promise<number>
  check(): Promise<void>
  close(): Promise<void>
}
