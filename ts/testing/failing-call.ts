/** The calls that a test can let fail. */

/** The calls that a test can let fail. `send`: the next of the four that send. */
export type FailingCall =
  | 'send'
  | 'sendToUser'
  | 'sendToClient'
  | 'sendToChannel'
  | 'broadcast'
  | 'connect'
  | 'flush'
  | 'history';
