"Packaging: everything that can differ is read from settings.ini"
from configparser import ConfigParser
from pathlib import Path
from setuptools import setup, find_packages

here = Path(__file__).parent
parser = ConfigParser(delimiters=['='])
parser.read(here/'settings.ini', encoding='utf-8')
cfg = parser['DEFAULT']

def reqs(key:str)->list:
    "The space-separated requirements of one settings.ini key"
    return cfg.get(key, '').split()

pythons = '3.11 3.12 3.13 3.14'.split()
statuses = '1 - Planning,2 - Pre-Alpha,3 - Alpha,4 - Beta,5 - Production/Stable,6 - Mature,7 - Inactive'.split(',')

extras = {name: reqs(f'{name}_requirements') for name in ('train', 'log', 'instances', 'scale', 'export', 'fast')}
extras['all'] = sorted(set().union(*extras.values()))
extras['dev'] = extras['all'] + reqs('dev_requirements')

readme = here/'README.md'
setup(
    name=cfg['lib_name'], version=cfg['version'], description=cfg['description'], keywords=cfg['keywords'],
    author=cfg['author'], author_email=cfg['author_email'], license='Apache-2.0', url=cfg['git_url'],
    long_description=readme.read_text(encoding='utf-8') if readme.exists() else cfg['description'],
    long_description_content_type='text/markdown',
    classifiers=[
        f"Development Status :: {statuses[int(cfg['status'])-1]}",
        f"Intended Audience :: {cfg['audience']}",
        f"Natural Language :: {cfg['language']}",
        'Topic :: Scientific/Engineering :: GIS', 'Topic :: Scientific/Engineering :: Image Processing',
    ] + [f'Programming Language :: Python :: {v}' for v in pythons[pythons.index(cfg['min_python']):]],
    packages=find_packages(include=['geofast', 'geofast.*']), package_data={'geofast': ['py.typed', '*.json', '*.html', 'weights/*/*', 'data/*']},
    python_requires=f">={cfg['min_python']}", install_requires=reqs('requirements'), extras_require=extras,
    entry_points={'console_scripts': reqs('console_scripts'), 'nbdev': ['geofast=geofast._modidx:d']}, zip_safe=False)
