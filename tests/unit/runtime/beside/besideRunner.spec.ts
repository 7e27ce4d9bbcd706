// Who does long work: a worker that ends with it, or the page in slices.
import { FlexAvatarError } from "../../../../src/flame/error";
import type { IRefineInput } from "../../../../src/runtime/refine/refineInput";
import { FillBesideAsync, RefineBesideAsync } from "../../../../src/runtime/beside/besideRunner";
import { StartBesideWorker } from "../../../../src/runtime/beside/startWorker";
import type { IFillInput } from "../../../../src/runtime/bust/fillFromCrops";
import { FillFixtureAsync } from "../../../support/bustFixture";
import { RefineFixtureAsync } from "../../../support/refineFixture";

/** Starts the library's worker and tells whether it was ended. */
function Watched(): { start: () => Worker; ended: () => number } {
    let count = 0;
    return {
        start: () => {
            const worker = StartBesideWorker();
            const terminate = worker.terminate.bind(worker);
            worker.terminate = () => {
                count++;
                terminate();
            };
            return worker;
        },
        ended: () => count,
    };
}

function CodeOfAsync(work: Promise<unknown>): Promise<string> {
    return work.then(
        () => "no error",
        (error: unknown) => (error instanceof FlexAvatarError ? error.code : `not ours: ${String(error)}`),
    );
}

describe("running a refinement", () => {
    let input: IRefineInput;

    beforeAll(async () => {
        ({ input } = await RefineFixtureAsync());
    });

    it("gives the same bytes in a worker, which is ended, and on the page", async () => {
        const watched = Watched();
        const fractions: number[] = [];
        const reasons: string[] = [];
        const inWorker = await RefineBesideAsync(input, {
            startWorker: watched.start,
            onPage: (reason) => reasons.push(reason),
        });
        const onPage = await RefineBesideAsync(input, {
            startWorker: null,
            onProgress: (fraction) => fractions.push(fraction),
        });
        expect(inWorker).toEqual(onPage);
        expect(onPage.faceTrust).toBeGreaterThan(0.1);
        expect(watched.ended()).toBe(1);
        expect(reasons).toEqual([]);
        expect(fractions.length).toBeGreaterThan(10);
        expect(fractions.every((fraction, i) => fraction <= 1 && (i === 0 || fraction >= fractions[i - 1]))).toBe(true);
    });

    it("leaves the input to its owner, but for what is handed over", async () => {
        const mine = structuredClone(input);
        const handOver = mine.views.map(({ pixels }) => pixels.buffer as ArrayBuffer);
        const result = await RefineBesideAsync(mine, { handOver });
        expect(result).toEqual(await RefineBesideAsync(input, { startWorker: null }));
        expect(mine.views.map(({ pixels }) => pixels.length)).toEqual([0, 0]);
        expect(mine.table).toEqual(input.table);
        expect(mine.staticMap).toEqual(input.staticMap);
        expect(mine.views.map(({ deltaMap }) => deltaMap)).toEqual(input.views.map(({ deltaMap }) => deltaMap));
    });

    it("lets the page live between slices", async () => {
        let ticks = 0;
        const timer = setInterval(() => ticks++, 1);
        await RefineBesideAsync(input, { startWorker: null });
        clearInterval(timer);
        expect(ticks).toBeGreaterThan(0);
    });

    it("works on the page, and says why, where a worker does not start", async () => {
        const reasons: string[] = [];
        const refused = (): Worker => {
            throw new Error("workers are forbidden here");
        };
        const missing = (): Worker => new Worker("/repo/no/such/script.js");
        for (const startWorker of [refused, missing]) {
            const { detail } = await RefineBesideAsync(input, {
                startWorker,
                onPage: (reason) => reasons.push(reason),
            });
            expect(detail.some((value) => value !== 0)).toBe(true);
        }
        expect(reasons.length).toBe(2);
        expect(reasons[0]).toContain("forbidden");
    });

    it("stops when it is told to, at once and later, in a worker and on the page", async () => {
        for (const startWorker of [null, undefined]) {
            expect(await CodeOfAsync(RefineBesideAsync(input, { startWorker, signal: AbortSignal.abort() }))).toBe(
                "aborted",
            );
            const abort = new AbortController();
            setTimeout(() => abort.abort(), 5);
            expect(await CodeOfAsync(RefineBesideAsync(input, { startWorker, signal: abort.signal }))).toBe("aborted");
        }
        const watched = Watched();
        const abort = new AbortController();
        const onProgress = (): void => abort.abort();
        const many = { ...input, settings: { ...input.settings, rounds: 400 } };
        expect(
            await CodeOfAsync(
                RefineBesideAsync(many, { startWorker: watched.start, signal: abort.signal, onProgress }),
            ),
        ).toBe("aborted");
        expect(watched.ended()).toBe(1);
    });

    it("reports a worker that breaks", async () => {
        const watched = Watched();
        const broken = { ...input, staticMap: null } as unknown as IRefineInput;
        expect(await CodeOfAsync(RefineBesideAsync(broken, { startWorker: watched.start }))).toBe("refine-failed");
        expect(watched.ended()).toBe(1);
    });
});

describe("running a filling", () => {
    let input: IFillInput;

    beforeAll(async () => {
        input = await FillFixtureAsync();
    });

    it("gives the same bytes in a worker, which is ended, and on the page where none starts", async () => {
        const watched = Watched();
        const [fractions, reasons]: [number[], string[]] = [[], []];
        const inWorker = await FillBesideAsync(input, {
            startWorker: watched.start,
            onPage: (reason) => reasons.push(reason),
        });
        expect(reasons).toEqual([]);
        expect(watched.ended()).toBe(1);
        const refused = (): Worker => {
            throw new Error("workers are forbidden here");
        };
        let ticks = 0;
        const timer = setInterval(() => ticks++, 1);
        const onPage = await FillBesideAsync(input, {
            startWorker: refused,
            onProgress: (fraction) => fractions.push(fraction),
            onPage: (reason) => reasons.push(reason),
        });
        clearInterval(timer);
        expect(reasons.length).toBe(1);
        expect(ticks).toBeGreaterThan(3); // the page lives between slices
        expect(inWorker.count).toBe(onPage.count);
        expect(inWorker.map).toEqual(onPage.map);
        expect(onPage.count).toBeGreaterThan(5000);
        expect(fractions.length).toBeGreaterThan(40);
        expect(fractions.every((fraction) => fraction >= 0 && fraction <= 1)).toBe(true);
    });

    it("leaves the photos to their owner, but for what is handed over", async () => {
        const mine = structuredClone(input);
        await FillBesideAsync(mine, {});
        expect(mine.photos).toEqual(input.photos);
        await FillBesideAsync(mine, { handOver: mine.photos.map(({ wide }) => wide.pixels.buffer) });
        expect(mine.photos.map(({ wide }) => wide.pixels.length)).toEqual(mine.photos.map(() => 0));
        expect(mine.page).toEqual(input.page);
    });

    it("stops when it is told to, at once and later, in a worker and on the page", async () => {
        for (const startWorker of [null, undefined]) {
            expect(await CodeOfAsync(FillBesideAsync(input, { startWorker, signal: AbortSignal.abort() }))).toBe(
                "aborted",
            );
            const abort = new AbortController();
            const onProgress = (): void => abort.abort();
            expect(await CodeOfAsync(FillBesideAsync(input, { startWorker, signal: abort.signal, onProgress }))).toBe(
                "aborted",
            );
        }
    });

    it("reports work that breaks by its own code, in a worker and on the page", async () => {
        const broken = { ...input, head: null } as unknown as IFillInput;
        for (const startWorker of [null, undefined]) {
            expect(await CodeOfAsync(FillBesideAsync(broken, { startWorker }))).toBe("fill-failed");
        }
    });
});
