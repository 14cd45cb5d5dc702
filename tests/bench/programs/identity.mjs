// An ESM program that imports @azure/identity, and asks for nothing.
import "@azure/identity";
