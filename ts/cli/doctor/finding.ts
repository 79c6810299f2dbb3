/** One finding of doctor. */
export interface Finding {
  /** Stays the same across versions, for programs that read the JSON. */
  id: string;
  /** A problem breaks the stream for some users; a warning may break it; a note is only worth knowing. */
  level: 'problem' | 'warning' | 'note';
  seen: string;
  matters: string;
  remedy: string;
}

export function problem(id: string, seen: string, matters: string, remedy: string): Finding {
  return { id, level: 'problem', seen, matters, remedy };
}

export function warning(id: string, seen: string, matters: string, remedy: string): Finding {
  return { id, level: 'warning', seen, matters, remedy };
}

export function note(id: string, seen: string, matters: string, remedy: string): Finding {
  return { id, level: 'note', seen, matters, remedy };
}
