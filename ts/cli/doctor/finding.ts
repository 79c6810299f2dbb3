/** One thing that doctor has to say. */
export interface Finding {
  /** Stays the same between versions, for programs that read the JSON. */
  id: string;
  /** A problem breaks the stream for somebody; a warning may; a note is only worth knowing. */
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
