// Files of a sandbox, as a program that uses E2B's client asks for them. Prints one JSON object.
import { Sandbox, FileType } from 'e2b'
import { createHash, randomBytes } from 'node:crypto'

const digest = (bytes) => createHash('sha256').update(bytes).digest('hex')
// The name of the error that it fails with.
const failure = (promise) => promise.then(() => 'nothing', (error) => error.constructor.name)
const seen = {}

const sandbox = await Sandbox.create('base', { timeoutMs: 600_000 })
const files = sandbox.files
try {
  const written = await files.write('/tmp/a/text', 'some text\n')
  seen.path = written.path
  seen.text = await files.read('/tmp/a/text')
  seen.inside = (await sandbox.commands.run('cat /tmp/a/text')).stdout
  await files.write('/tmp/a/text', 'new')
  seen.replaced = await files.read('/tmp/a/text')
  await files.write('/tmp/a/empty', '')
  seen.empty = await files.read('/tmp/a/empty')
  const several = await files.write([
    { path: '/tmp/several/1', data: 'one' },
    { path: '/tmp/several/2', data: new Uint8Array([0, 255, 10]).buffer },
  ])
  seen.several = several.map((file) => file.path)
  seen.bytes = [...(await files.read('/tmp/several/2', { format: 'bytes' }))]

  await files.write('/etc/hosts', '127.0.0.1 localhost\n')
  seen.mounted = (await sandbox.commands.run('cat /etc/hosts')).stdout

  const large = randomBytes(20_000_000)
  await files.write('/tmp/large', new Blob([large]))
  seen.large = digest(await files.read('/tmp/large', { format: 'bytes' })) === digest(large)
  await files.write('/tmp/streamed', new Blob([large]).stream())
  const back = createHash('sha256')
  for await (const piece of await files.read('/tmp/streamed', { format: 'stream' })) back.update(piece)
  seen.streamed = back.digest('hex') === digest(large)
  await files.write('/tmp/packed', 'packed '.repeat(10_000), { gzip: true })
  seen.packed = (await files.read('/tmp/packed', { gzip: true })).length

  seen.exists = await files.exists('/tmp/a/text')
  seen.missing = await files.exists('/tmp/none')
  seen.notFound = await failure(files.read('/tmp/none'))
  seen.noUser = await failure(files.read('/tmp/a/text', { user: 'nobody-of-that-name' }))
  seen.directory = await failure(files.read('/tmp'))
  const info = await files.getInfo('/tmp/a/text')
  seen.info = `${info.type} ${info.size} ${info.permissions} ${info.owner} ${info.modifiedTime instanceof Date}`
  seen.made = await files.makeDir('/tmp/b/c')
  seen.madeAgain = await files.makeDir('/tmp/b/c')
  seen.renamed = (await files.rename('/tmp/a/text', '/tmp/b/moved')).path
  const list = await files.list('/tmp/b', { depth: 2 })
  seen.list = list.map((entry) => `${entry.name} ${entry.type === FileType.DIR}`)
  await files.remove('/tmp/b')
  seen.removed = await files.exists('/tmp/b')

  // A path, and a link of the container's, that would leave it.
  await sandbox.commands.run('ln -s /../../../etc/machine-id /tmp/link')
  seen.climbing = await failure(files.read('../../../../../etc/machine-id'))
  seen.link = await failure(files.read('/tmp/link'))

  await files.makeDir('/tmp/watched/sub')
  const events = []
  const heard = (wanted) => new Promise((resolve) => {
    const look = setInterval(() => events.some(wanted) && resolve(clearInterval(look)), 20)
  })
  const watch = await files.watchDir('/tmp/watched', (event) => events.push(event), { recursive: true, timeoutMs: 0 })
  await files.write('/tmp/watched/sub/f', 'x')
  await heard((event) => event.type === 'write' && event.name === 'sub/f')
  await sandbox.commands.run('rm /tmp/watched/sub/f')
  await heard((event) => event.type === 'remove' && event.name === 'sub/f')
  await watch.stop()
  seen.events = [...new Set(events.map((event) => event.type))].sort()

  const url = await sandbox.downloadUrl('/tmp/large', { useSignatureExpiration: 600 })
  const routed = { headers: { 'E2b-Sandbox-Id': sandbox.sandboxId } }
  const signed = await fetch(url, routed)
  seen.signed = digest(Buffer.from(await signed.arrayBuffer())) === digest(large)
  seen.forged = (await fetch(url.replace('large', 'packed'), routed)).status
  const form = new FormData()
  form.append('file', new Blob(['by url']), 'ignored')
  const upload = await fetch(await sandbox.uploadUrl('/tmp/uploaded'), { ...routed, method: 'POST', body: form })
  seen.uploaded = upload.ok && (await files.read('/tmp/uploaded'))
} finally {
  await sandbox.kill()
}
console.log(JSON.stringify(seen))
