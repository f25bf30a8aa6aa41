import { execFile, execFileSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

/** In PEM, and where the certificate is. */
export interface Certificate {
  readonly key: Buffer;
  readonly cert: Buffer;
  readonly certFile: string;
}

/** Certificates are made when they are needed: no key lies in the repository. */
export const hasOpenssl = ((): boolean => {
  try {
    execFileSync("openssl", ["version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
})();

/** One that signs itself, for the names: `DNS:localhost`, `IP:127.0.0.1`. */
export async function makeCertificate(dir: string, names: string): Promise<Certificate> {
  const [keyFile, certFile] = [join(dir, "key.pem"), join(dir, "cert.pem")];
  await promisify(execFile)("openssl", [
    ...["req", "-x509", "-nodes", "-days", "1", "-subj", "/CN=CacheTorrent test"],
    ...["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"],
    ...["-addext", `subjectAltName=${names}`, "-keyout", keyFile, "-out", certFile],
  ]);
  const [key, cert] = await Promise.all([readFile(keyFile), readFile(certFile)]);
  return { key, cert, certFile };
}
