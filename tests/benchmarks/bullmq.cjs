// BullMQ at the same work: node bullmq.cjs URL COUNT REDIS_SOCKET CONCURRENCY < BODY. Prints what the sending took.
const { readFileSync } = require("node:fs");
const { Agent, request } = require("node:http");
const { Queue, Worker } = require("bullmq");

const [url, count, path, concurrency] = process.argv.slice(2);
const body = readFileSync(0, "utf8");
const connection = { path, maxRetriesPerRequest: null };
const agent = new Agent({ keepAlive: true, maxSockets: Number(concurrency) });

function post(number) {
  const headers = {
    "content-type": "application/json",
    "content-length": body.length,
    "webhook-id": `evt_${number}`,
    "webhook-timestamp": "1700000000",
    "webhook-signature": `v1,${"A".repeat(43)}=`,
  };
  return new Promise((resolve, reject) => {
    const sent = request(url, { method: "POST", agent, headers }, (answer) => {
      answer.resume().on("end", () => (answer.statusCode === 204 ? resolve() : reject(new Error(answer.statusCode))));
    });
    sent.on("error", reject).end(body);
  });
}

async function main() {
  const queue = new Queue("webhooks", { connection });
  for (let start = 0; start < count; start += 100) {
    const jobs = Array.from({ length: Math.min(100, count - start) }, (_, n) => start + n);
    await queue.addBulk(jobs.map((number) => ({ name: "post", data: { number, body }, opts: { removeOnComplete: true } })));
  }
  let left = Number(count);
  const worker = new Worker("webhooks", (job) => post(job.data.number), {
    connection,
    concurrency: Number(concurrency),
    autorun: false,
  });
  const used = process.cpuUsage();
  const started = process.hrtime.bigint();
  worker.run();
  await new Promise((resolve) => worker.on("completed", () => --left || resolve()));
  const wall = Number(process.hrtime.bigint() - started) / 1e9;
  const { user, system } = process.cpuUsage(used);
  console.log(JSON.stringify({ wall_s: wall, cpu_s: (user + system) / 1e6 }));
  process.exit(0);
}

main();
