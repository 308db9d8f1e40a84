// SPDX-License-Identifier: AGPL-3.0-or-later

const LIST = `
acorn admiral album anchor antler anvil apricot apron ashtray atlas avocado axle barrel bedroom bicycle birch
biscuit bishop blanket blossom bonfire bramble brick bridge broccoli bronze butcher cabbage cactus canal
captain caramel catalog chalk cherry circus clarinet coconut compass cradle crayon crystal cucumber cushion
daffodil daisy dancer delta dentist desert diamond dolphin drawer drizzle duchess echo eclipse eggplant elbow
elephant emblem emerald engine envelope equator escort exhibit exit fabric farmer feather fern fiddle firefly
flag flamingo flannel freckle frost fungus gadget galaxy gallop garlic geyser ginger giraffe glacier glass
goblet granite grapes gymnast habitat hamster handbag harbor harvest hazelnut hedgehog honeybee hostel hydrant
iceberg insect island jacket jasmine jewel jigsaw journal judge juggler juniper kangaroo karate kayak kiwi
lagoon lantern laptop laundry lavender legend lemonade leopard library lilac lobster lotus lunch magazine
mailbox mammoth mandolin mango marble marigold melon mermaid mirror morning mosaic mountain mulberry mustard
napkin nectar nephew nickel notebook nugget nurse nutmeg oasis octopus olive omelet orange orchard origami
ostrich otter oven oxygen package palace pancake papaya pasture peanut pelican pencil picnic pigeon plumber
popcorn pretzel pumpkin puzzle pyramid quartz quiver rabbit radish raft rainbow recipe reptile rhubarb
rosemary salad salmon sapphire sardine scarf school scissors shadow sherbet shovel sickle skeleton slipper
snowman soccer spider spinach sponge squirrel stadium stocking sunset swan swimmer symbol syrup tadpole tailor
tavern telegram temple thermos thistle thunder tourist tractor treasure trombone tugboat turban turkey turtle
ukulele umbrella uniform upstairs urchin velvet venison vessel village vinegar volcano vortex voyage vulture
waffle walrus wedding windmill wombat yeast zebra zodiac zucchini
`;

/**
 * 256 English words, one for each value of a byte, in alphabetical order. Chosen so that two of them differ in at least
 * three letters and do not sound alike. The list is part of the fingerprint's definition: it may never change.
 */
export const WORDS: readonly string[] = LIST.trim().split(/\s+/);
