/** A person at rest as splats for other viewers, of all that its file will give back. */
import type { IAvatarFile } from "../format/avatarFile.js";
import { RestSplats, type IRestPart } from "../format/restSplats.js";
import { RoundedMap, RoundedPage } from "../format/roundedMaps.js";
import { Within, type Work } from "../slices.js";
import type { IPageModel } from "./pageMap.js";
import { WholePage } from "./pageShape.js";

/** Where a person's Gaussians are on the head, and their map if the file does not hold it. */
export type IShownHead = Omit<IRestPart, "map"> & { readonly map?: ArrayLike<number> };

/** From what the file will give back: the same person gives the same bytes, whatever an avatar hides. */
export function* SplatsOfPerson(
    file: IAvatarFile,
    head: IShownHead,
    model: IPageModel | null,
): Work<Uint8Array<ArrayBuffer>> {
    const parts: IRestPart[] = [{ ...head, map: head.map ?? RoundedMap(file) }];
    yield 0.1;
    if (file.page && model) {
        const page = yield* Within(WholePage({ model, map: RoundedPage(file.page) }), 0.1, 0.4);
        parts.push(...(page ? [page] : []));
    }
    return yield* Within(RestSplats(parts), 0.4, 1);
}
