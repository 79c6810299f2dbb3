/** Keys for what is done most. */

/** They mean nothing while somebody types, in a dialog, or together with other keys. */
export function followShortcuts(actions: Record<string, () => void>): void {
  document.addEventListener('keydown', (event) => {
    const { key, target, defaultPrevented, altKey, ctrlKey, metaKey } = event;
    if (defaultPrevented || altKey || ctrlKey || metaKey || isTyping(target) || !Object.hasOwn(actions, key)) return;
    event.preventDefault();
    actions[key]?.();
  });
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest('input, textarea, select, dialog, [contenteditable]') !== null;
}
