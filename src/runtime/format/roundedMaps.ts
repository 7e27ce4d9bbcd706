/** The maps of a person as its file gives them back, so that what is made from them is the same after loading. */
import { UnpackDetail, PackDetail } from "./detailLayer.js";
import type { IAvatarFile, IStoredPage } from "./avatarFile.js";
import { PackMap, UnpackMap } from "./mapLayer.js";
import { PackPage, UnpackPage } from "./pageLayer.js";

/** First channel of color in a map. */
const FirstColor = 4;

/** @returns [14,H,W] the static map with the detail of refinement */
export function RoundedMap({
    staticMap,
    detail,
    mapSize,
}: Pick<IAvatarFile, "staticMap" | "detail" | "mapSize">): Float32Array<ArrayBuffer> {
    const map = UnpackMap(PackMap(staticMap));
    if (detail) {
        const first = FirstColor * mapSize * mapSize;
        UnpackDetail(PackDetail(detail)).forEach((value, i) => (map[first + i] += value));
    }
    return map;
}

/** @returns [14,H,W] */
export function RoundedPage({ map, mapSize }: Pick<IStoredPage, "map" | "mapSize">): Float32Array<ArrayBuffer> {
    return UnpackPage(PackPage(map), mapSize);
}
