// A chat on the terminal.
//
//   cargo run --release -- demo                        # tokens are in nova-data/demo/tokens
//   node build/examples/chat.js URL TOKEN @handle      # after `npm test`, or any other compiler run
//
// What is written while the server is away is sent when it is back. An empty line ends it.
import { createInterface } from 'node:readline';
import { MessageList, Nova } from '../src/node.js';

const [url, token, handle] = process.argv.slice(2);
if (url === undefined || token === undefined || handle === undefined) {
  console.error('usage: chat URL TOKEN @HANDLE');
  process.exit(2);
}

const nova = new Nova({ url, token });
const other = await nova.http.get('/api/v1/users/{id}', { path: { id: handle } });
const { id } = await nova.http.post('/api/v1/conversations', { body: { kind: 'direct', members: [other.id] } });

const list = new MessageList(id, { messagesMax: 50 });
const names = new Map([[other.id, handle]]);
let notice = '';

function show(): void {
  console.clear();
  for (const entry of list.entries) {
    if (entry.kind === 'echo') console.log(`you: ${entry.outgoing.content.text} (${entry.outgoing.status})`);
    else console.log(`${names.get(entry.message.sender_id) ?? 'you'}: ${entry.message.deleted ? '(deleted)' : entry.message.text}`);
  }
  console.log(`-- ${nova.connection.state.name}${notice}`);
}

nova.on('connection', show);
nova.outbox.on('change', (message) => {
  list.track(message);
  if (message.status === 'failed') notice = `, not sent: ${message.error?.detail}`;
  show();
});
nova.follow(id, { from: 'start' }, (event) => {
  list.apply(event);
  notice = event.kind === 'typing' ? `, ${handle} is typing` : '';
  show();
});
nova.start();

const lines = createInterface({ input: process.stdin });
for await (const line of lines) {
  if (line === '') break;
  nova.typing(id);
  nova.send(id, line);
}
lines.close();
await nova.close({ drainMs: 5_000 });
