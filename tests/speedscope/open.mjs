/* SPDX-License-Identifier: MIT
 *
 * open.mjs PACKAGES CHROMIUM FILE PICTURE - opens FILE in speedscope, the way its own
 * command does, and prints what its table of functions says: a line each, "total self
 * name". PICTURE receives what its flame graph looks like.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

const [packages, chromiumPath, file, picture] = process.argv.slice(2)
const { chromium } = createRequire(join(resolve(packages), 'x.js'))('playwright-core')

const profile = resolve('profile.js')
const base64 = readFileSync(file).toString('base64')
writeFileSync(profile, `speedscope.loadFileFromBase64(${JSON.stringify(basename(file))}, "${base64}")`)

const browser = await chromium.launch({
  executablePath: chromiumPath,
  args: ['--no-sandbox', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync', '--allow-file-access-from-files'],
})
try {
  const page = await browser.newPage({ viewport: { width: 900, height: 420 } })
  page.on('pageerror', (error) => { throw error })
  const index = pathToFileURL(join(resolve(packages), 'node_modules/speedscope/dist/release/index.html'))
  await page.goto(`${index}#localProfilePath=${profile}`)
  await page.getByText('Left Heavy').click()
  await page.waitForTimeout(500) // it draws, and has no sign for having done so
  await page.screenshot({ path: picture })
  await page.getByText('Sandwich').click()
  await page.locator('tr:has(td)').first().waitFor()
  for (const row of await page.locator('tr:has(td)').all()) {
    const cells = await row.locator('td').allInnerTexts()
    console.log(cells.map((cell) => cell.replace(/\s+/g, ' ').trim()).join(' '))
  }
} finally {
  await browser.close()
}
