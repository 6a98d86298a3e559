// What the npm client sees of a server: tests/vm/serve_test.sh runs its steps. Each prints what it
// found as JSON, one line.
import { Sandbox, CommandExitError } from 'e2b'

const print = (value) => console.log(JSON.stringify(value))

async function exitCode(promise) {
  try {
    return (await promise).exitCode
  } catch (error) {
    if (error instanceof CommandExitError) return error.exitCode
    throw error
  }
}

const steps = {
  async create() {
    const sandbox = await Sandbox.create('base', {
      timeoutMs: 600_000,
      metadata: { purpose: 'test', 'odd name': 'a=b&c' },
      envs: { GREETING: 'hello' },
    })
    print({ id: sandbox.sandboxId })
  },

  async commands(id) {
    const sandbox = await Sandbox.connect(id)
    const said = await sandbox.commands.run('echo "$GREETING $NAME"; echo problem >&2; pwd', {
      envs: { NAME: 'world' },
      cwd: '/bin',
    })
    const background = await sandbox.commands.run('read line; echo "got $line"; exit 3', {
      background: true,
      stdin: true,
    })
    const listed = (await sandbox.commands.list()).map((process) => process.pid)
    await sandbox.commands.sendStdin(background.pid, 'text\n')
    let heard = ''
    const code = await exitCode(background.wait().catch((error) => {
      heard = error.stdout
      throw error
    }))
    const sleeper = await sandbox.commands.run('sleep 600', { background: true })
    const killed = await sandbox.commands.kill(sleeper.pid)
    const late = await sandbox.commands.run('cat', { background: true, stdin: true })
    await late.disconnect()
    const again = await sandbox.commands.connect(late.pid)
    await sandbox.commands.sendStdin(late.pid, 'once more')
    await sandbox.commands.closeStdin(late.pid)
    const large = await sandbox.commands.run('head -c 3000000 /dev/zero | tr "\\0" x')
    print({
      stdout: said.stdout,
      stderr: said.stderr,
      exit: await exitCode(sandbox.commands.run('exit 7')),
      missing: await exitCode(sandbox.commands.run('no-such-program')),
      listed: listed.includes(background.pid),
      heard,
      code,
      killed,
      killedAgain: await sandbox.commands.kill(999999),
      again: (await again.wait()).stdout,
      large: large.stdout.length,
    })
  },

  async pty(id) {
    const sandbox = await Sandbox.connect(id)
    let seen = ''
    const pty = await sandbox.pty.create({
      cols: 90,
      rows: 30,
      onData: (data) => { seen += new TextDecoder().decode(data) },
    })
    await sandbox.pty.resize(pty.pid, { cols: 77, rows: 22 })
    await sandbox.pty.sendInput(pty.pid, new TextEncoder().encode('stty size; exit\n'))
    await exitCode(pty.wait())
    print({ size: /22 77/.test(seen) })
  },

  async list() {
    const all = await Sandbox.list().nextItems()
    const found = await Sandbox.list({ query: { metadata: { 'odd name': 'a=b&c' } } }).nextItems()
    const none = await Sandbox.list({ query: { metadata: { purpose: 'other' } } }).nextItems()
    print({ all: all.map((one) => one.sandboxId), found: found.length, none: none.length,
      metadata: all[0]?.metadata, state: all[0]?.state })
  },

  async timeout(id) {
    await Sandbox.setTimeout(id, 1_200_000)
    const info = await Sandbox.getInfo(id)
    print({ left: Math.round((info.endAt - Date.now()) / 60_000) })
  },

  async port(id) {
    const response = await fetch(process.env.E2B_SANDBOX_URL, {
      headers: { 'E2b-Sandbox-Id': id, 'E2b-Sandbox-Port': '8000' },
    })
    print({ status: response.status, text: (await response.text()).slice(0, 5) })
  },

  async pause(id) {
    const sandbox = await Sandbox.connect(id)
    await sandbox.commands.run('echo kept >/tmp/kept')
    const paused = await Sandbox.pause(id)
    const again = await Sandbox.pause(id)
    const state = (await Sandbox.getInfo(id)).state
    print({ paused, again, state, running: await sandbox.isRunning() })
  },

  async resume(id) {
    const sandbox = await Sandbox.connect(id)
    print({ kept: (await sandbox.commands.run('cat /tmp/kept')).stdout })
  },

  async snapshots(id) {
    const sandbox = await Sandbox.connect(id)
    await sandbox.commands.run('echo first >/tmp/state')
    const snapshot = await sandbox.createSnapshot({ name: 'first' })
    await sandbox.commands.run('echo second >/tmp/state')
    const names = (await Sandbox.listSnapshots().nextItems()).flatMap((one) => one.names)
    const older = await Sandbox.create('first', { timeoutMs: 600_000 })
    const state = (await older.commands.run('cat /tmp/state')).stdout.trim()
    const there = (await sandbox.commands.run('cat /tmp/state')).stdout.trim()
    await older.kill()
    const removed = await Sandbox.deleteSnapshot(snapshot.snapshotId)
    const again = await Sandbox.deleteSnapshot(snapshot.snapshotId)
    print({ names: names.join(), state, there, removed, again })
  },

  async fork(id) {
    const sandbox = await Sandbox.connect(id)
    await sandbox.commands.run('echo forked >/tmp/state')
    const [fork] = await sandbox.fork({ count: 1, timeoutMs: 600_000 })
    const state = (await fork.commands.run('cat /tmp/state')).stdout.trim()
    await fork.kill()
    print({ state, left: (await Sandbox.listSnapshots().nextItems()).length })
  },

  async kill(id) {
    const sandbox = await Sandbox.connect(id)
    const before = await sandbox.isRunning()
    const killed = await sandbox.kill()
    print({ before, killed, again: await Sandbox.kill(id), after: await sandbox.isRunning() })
  },

  async refused(id) {
    const words = async (promise) => promise.then(() => 'done', (error) => error.name)
    print({ list: await words(Sandbox.list().nextItems()), info: await words(Sandbox.getInfo(id)) })
  },

  async unknown() {
    print(await Sandbox.create('no-such-template').then(() => 'done', (error) => error.message))
  },
}

const [step, ...words] = process.argv.slice(2)
try {
  await steps[step](...words)
} catch (error) {
  print({ error: error.message })
}
process.exit(0)
