export interface User {
  id: string;
  name: string;
  initials: string;
  color: string;
}

// White initials have a contrast of at least 4.5:1 on each of these colours.
export const USERS: readonly User[] = [
  { id: 'ada', name: 'Ada', initials: 'AL', color: '#6a4bcf' },
  { id: 'grace', name: 'Grace', initials: 'GH', color: '#b32560' },
  { id: 'linus', name: 'Linus', initials: 'LT', color: '#97500a' },
  { id: 'margaret', name: 'Margaret', initials: 'MH', color: '#1c69ae' },
];

export function findUser(id: unknown): User | undefined {
  return USERS.find((user) => user.id === id);
}
